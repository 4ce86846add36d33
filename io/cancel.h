// A CancelSource says "stop" to everything that waits in its name on one reactor. Waits hook
// themselves in while they wait; cancel() asks each of them to end, and waits begun later end at
// once. It is sticky, lives on one thread, and outlives its waits.
#pragma once

#include <utility>

namespace io {

// A node of the source's list. The derived wait implements on_cancel(), which must not resume
// anybody at once.
class CancelHook {
  public:
    CancelHook() = default;
    CancelHook(const CancelHook&) = delete;
    CancelHook& operator=(const CancelHook&) = delete;
    virtual void on_cancel() = 0;

    void unhook() {
        if (previous_ == nullptr) return;
        *previous_ = next_;
        if (next_ != nullptr) next_->previous_ = previous_;
        previous_ = nullptr;
        next_ = nullptr;
    }

  protected:
    ~CancelHook() { unhook(); }

  private:
    friend class CancelSource;
    CancelHook* next_ = nullptr;
    CancelHook** previous_ = nullptr;
};

class CancelSource {
  public:
    CancelSource() = default;
    CancelSource(const CancelSource&) = delete;
    CancelSource& operator=(const CancelSource&) = delete;

    bool cancelled() const { return cancelled_; }

    void hook(CancelHook& hook) {
        hook.next_ = first_;
        hook.previous_ = &first_;
        if (first_ != nullptr) first_->previous_ = &hook.next_;
        first_ = &hook;
    }

    void cancel() {
        cancelled_ = true;
        while (first_ != nullptr) {
            CancelHook* hook = first_;
            hook->unhook();
            hook->on_cancel();
        }
    }

  private:
    CancelHook* first_ = nullptr;
    bool cancelled_ = false;
};

// A source of its own that is cancelled with its parent, too. `parent` may be null; else it
// outlives this one.
class LinkedCancel final : private CancelHook {
  public:
    explicit LinkedCancel(CancelSource* parent) {
        if (parent == nullptr) return;
        if (parent->cancelled())
            source_.cancel();
        else
            parent->hook(*this);
    }
    CancelSource& source() { return source_; }
    void cancel() { source_.cancel(); }

  private:
    void on_cancel() override { source_.cancel(); }
    CancelSource source_;
};

}  // namespace io
