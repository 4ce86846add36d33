// Every field of a request reaches S3, or what it says is done. Two tables, and a test that holds
// them against the OpenAPI document: a field without a row fails it.
#include <fmt/format.h>
#include <set>

#include "../archive/zip_reading.h"
#include "daemon/openapi.h"
#include "e2e_fixture.h"
#include "s3client/access.h"

namespace s3zipd {
namespace {

namespace json = boost::json;
using Names = std::vector<std::string>;
using Places = std::set<std::string>;  // "GetObject src"

const std::string kKey = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";  // 32 times 'a'
const std::string kCustomer = "x-amz-server-side-encryption-customer-";

std::string md5_of_key() { return s3client::CustomerKey::parse(kKey)->md5_base64(); }

const Places kSourceReads = {"HeadObject src", "GetObject src", "HeadObject lists",
                             "GetObject lists"};
const Places kSourceCalls = {"ListObjectsV2 src", "HeadObject src", "GetObject src",
                             "HeadObject lists", "GetObject lists"};
const Places kNewObject = {"PutObject out", "CreateMultipartUpload out"};
const Places kDestinationKey = {"HeadObject out",
                                "PutObject out",
                                "CreateMultipartUpload out",
                                "UploadPart out",
                                "CompleteMultipartUpload out",
                                "ListParts out"};
const Places kDestinationCalls = {"HeadObject out",
                                  "PutObject out",
                                  "CreateMultipartUpload out",
                                  "UploadPart out",
                                  "CompleteMultipartUpload out",
                                  "AbortMultipartUpload out",
                                  "ListParts out"};

enum class Where : std::uint8_t { source, destination, options };

// A field that becomes a header.
struct HeaderRow {
    std::string field;  // as the OpenAPI document has it
    Where where;
    std::string members;  // of that object, in JSON
    std::map<std::string, std::string> headers;
    Places places;  // which requests have the headers; no others do
};

std::vector<HeaderRow> header_rows() {
    const std::string sse = "x-amz-server-side-encryption";
    const std::map<std::string, std::string> key = {{kCustomer + "algorithm", "AES256"},
                                                    {kCustomer + "key", kKey},
                                                    {kCustomer + "key-md5", md5_of_key()}};
    const std::map<std::string, std::string> payer = {{"x-amz-request-payer", "requester"}},
                                             owner = {
                                                 {"x-amz-expected-bucket-owner", "123456789012"}};
    const auto to = Where::destination;
    return {
        {"Source.requester_pays", Where::source, R"("requester_pays":true)", payer, kSourceCalls},
        {"Source.expected_bucket_owner", Where::source, R"("expected_bucket_owner":"123456789012")",
         owner, kSourceCalls},
        {"Source.sse_customer_key", Where::source, R"("sse_customer_key":")" + kKey + '"', key,
         kSourceReads},
        {"Destination.requester_pays", to, R"("requester_pays":true)", payer, kDestinationCalls},
        {"Destination.expected_bucket_owner", to, R"("expected_bucket_owner":"123456789012")",
         owner, kDestinationCalls},
        {"Destination.storage_class",
         to,
         R"("storage_class":"STANDARD_IA")",
         {{"x-amz-storage-class", "STANDARD_IA"}},
         kNewObject},
        {"Destination.tags",
         to,
         R"("tags":{"team a":"x/y","z":"ä"})",
         {{"x-amz-tagging", "team%20a=x%2Fy&z=%C3%A4"}},
         kNewObject},
        {"Destination.metadata",
         to,
         R"("metadata":{"Case":"4711","note":"two  words"})",
         {{"x-amz-meta-case", "4711"}, {"x-amz-meta-note", "two  words"}},
         kNewObject},
        {"Destination.content_type",
         to,
         R"("content_type":"application/x-zip")",
         {{"content-type", "application/x-zip"}},
         kNewObject},
        {"Destination.content_disposition",
         to,
         R"("content_disposition":"attachment")",
         {{"content-disposition", "attachment"}},
         kNewObject},
        {"Destination.cache_control",
         to,
         R"("cache_control":"max-age=60")",
         {{"cache-control", "max-age=60"}},
         kNewObject},
        {"Destination.sse.type", to, R"("sse":{"type":"AES256"})", {{sse, "AES256"}}, kNewObject},
        {"", to, R"("sse":{"type":"aws:kms:dsse"})", {{sse, "aws:kms:dsse"}}, kNewObject},
        {"Destination.sse.key_id",
         to,
         R"("sse":{"type":"aws:kms","key_id":"key-1"})",
         {{sse, "aws:kms"}, {sse + "-aws-kms-key-id", "key-1"}},
         kNewObject},
        {"Destination.sse.bucket_key_enabled",
         to,
         R"("sse":{"type":"aws:kms","bucket_key_enabled":true})",
         {{sse + "-bucket-key-enabled", "true"}},
         kNewObject},
        {"",
         to,
         R"("sse":{"type":"aws:kms","bucket_key_enabled":false})",
         {{sse + "-bucket-key-enabled", "false"}},
         kNewObject},
        {"Destination.sse.context",
         to,
         R"("sse":{"type":"aws:kms","context":{"a":"\"1\"","b":"2"}})",
         // {"a":"\"1\"","b":"2"}
         {{sse + "-context", "eyJhIjoiXCIxXCIiLCJiIjoiMiJ9"}},
         kNewObject},
        {"Destination.sse.customer_key", to,
         R"("sse":{"type":"customer","customer_key":")" + kKey + R"("})", key, kDestinationKey},
    };
}

// A field whose effect is seen in the archive, in which requests are made, or in the job.
struct EffectRow {
    std::string field;
    std::string source, destination, options;  // members; empty: the plain ones
    Names entries;                             // of the archive, in order
    std::function<void(const json::value& job, const std::string& archive)> check = {};
    std::string notify = {};  // what is done with it: notifier_test.cc
};

class OptionsTest : public E2eTest {
  protected:
    void start_recording() {
        s3sim::Options sim;
        sim.buckets = {"lists", "paid"};
        sim.versioned = {"src"};
        sim.requester_pays = {"paid"};
        sim.record_requests = true;
        start({}, sim);
    }
    // Objects, and a list of one of them; with a customer's key, if there is one.
    void fill(const std::string& key_md5 = {}) {
        std::map<std::string, std::string> headers;
        if (!key_md5.empty())
            headers = {{kCustomer + "algorithm", "AES256"}, {kCustomer + "key-md5", key_md5}};
        const auto put = [&](const std::string& bucket, const std::string& key,
                             const std::string& bytes) {
            ASSERT_TRUE(sim_->put(bucket, key, bytes, "STANDARD", headers)) << key;
        };
        put("src", "d/a.txt", "one");
        put("src", "d/b.log", "two");
        put("src", "e/c.txt", "three");
        put("src", "large", std::string(12 << 20, 'l'));
        put("lists", "l.jsonl", R"({"bucket":"src","key":"d/b.log"})");
    }
    static std::string object(const std::string& first, const std::string& more) {
        return "{" + first + (first.empty() || more.empty() ? "" : ",") + more + "}";
    }
    static std::string request(const std::string& source, const std::string& destination,
                               const std::string& options, const std::string& notify = {}) {
        return R"({"source":)" + source + R"(,"destination":)" + destination + R"(,"options":)" +
               options + (notify.empty() ? "" : R"(,"notify":)" + notify) + "}";
    }
    // Jobs that make every call there is: listing, asking, a list, an upload, one that is aborted.
    Places places_of(const HeaderRow& row) {
        sim_->reset_stats();
        int n = 0;
        for (const std::string source :
             {R"("bucket":"src","prefix":"d/")", R"("bucket":"src","objects":[{"key":"large"}])",
              R"("manifest":{"bucket":"lists","key":"l.jsonl"})",
              R"("bucket":"src","objects":[{"key":"large"}])"}) {
            if (++n == 4) {
                EXPECT_TRUE(sim_->set_faults("CompleteMultipartUpload status=403"));
            }
            const auto members = [&](Where where) {
                return row.where == where ? row.members : std::string();
            };
            const auto job =
                run(request(object(source, members(Where::source)),
                            object(fmt::format(R"("bucket":"out","key":"{}.zip")", ++made_),
                                   members(Where::destination)),
                            object("", members(Where::options))));
            EXPECT_EQ(text_at(job, "/state"), n == 4 ? "failed" : "succeeded")
                << row.field << at(job, "/error");
            expect_echo(job, row);
        }
        EXPECT_TRUE(sim_->set_faults(""));
        EXPECT_TRUE(sim_->open_uploads().empty());
        Places places;
        for (const s3sim::RecordedRequest& seen : sim_->requests()) {
            std::size_t have = 0;
            for (const auto& [name, value] : row.headers) {
                const auto found = seen.headers.find(name);
                have += found != seen.headers.end() && found->second == value ? 1 : 0;
                // Another value of the same header; Complete's own body has a type.
                const bool other = found != seen.headers.end() && found->second != value;
                EXPECT_TRUE(!other || name == "content-type") << seen.operation << " " << name;
            }
            EXPECT_TRUE(have == 0 || have == row.headers.size()) << seen.operation;
            if (have > 0) places.insert(seen.operation + " " + seen.bucket);
        }
        return places;
    }
    // The job shows what was asked for, and of secrets only that they are there.
    static void expect_echo(const json::value& job, const HeaderRow& row) {
        const std::string parent = row.where == Where::source        ? "/request/sources/0"
                                   : row.where == Where::destination ? "/request/destination"
                                                                     : "/request/options";
        json::value asked = json::parse("{" + row.members + "}");
        std::string text = json::serialize(asked);
        if (const std::size_t secret = text.find(kKey); secret != std::string::npos)
            text.replace(secret, kKey.size(), "(set)");
        asked = json::parse(text);
        for (const auto& member : asked.as_object()) {
            EXPECT_EQ(at(job, parent + "/" + std::string(member.key())),
                      json::serialize(member.value()));
        }
        EXPECT_FALSE(json::serialize(job).contains(kKey));
    }
    std::vector<EffectRow> effect_rows();
    int made_ = 0;
};

TEST_F(OptionsTest, HeadersGoWithTheirRequestsAndNoOthers) {
    start_recording();
    for (const HeaderRow& row : header_rows()) {
        SCOPED_TRACE(row.members);
        fill(row.field == "Source.sse_customer_key" ? md5_of_key() : "");
        EXPECT_EQ(places_of(row), row.places) << row.field;
    }
}

std::vector<EffectRow> OptionsTest::effect_rows() {
    const std::string first = *sim_->put("src", "v", "first");
    EXPECT_TRUE(sim_->put("src", "v", "second"));
    EXPECT_TRUE(sim_->put("src", "x:y", "unsafe"));
    const auto holds = [](std::string text) {
        return [text = std::move(text)](const json::value&, const std::string& archive) {
            EXPECT_TRUE(archive.contains(text)) << text;
        };
    };
    const auto shows = [](std::string pointer, std::string value) {
        return
            [=](const json::value& job, const std::string&) { EXPECT_EQ(at(job, pointer), value); };
    };
    const std::string list = R"("manifest":{"bucket":"lists","key":"l.jsonl")";
    const std::string a_and_gone = R"("bucket":"src","objects":[{"key":"d/a.txt"},{"key":"no"}])";
    const std::string twice = R"("bucket":"src","objects":[{"key":"d/a.txt"},{"key":"d/a.txt"}])";
    const Names plain = {"d/a.txt", "d/b.log"};
    return {
        {"Source.bucket", "", "", "", plain},
        {"Source.prefix", R"("bucket":"src","prefix":"e/")", "", "", {"e/c.txt"}},
        {"Source.include",
         R"("bucket":"src","prefix":"d/","include":["*.txt"])",
         "",
         "",
         {"d/a.txt"}},
        {"Source.exclude",
         R"("bucket":"src","prefix":"d/","exclude":["*.txt"])",
         "",
         "",
         {"d/b.log"}},
        {"Source.objects.key",
         R"("bucket":"src","objects":[{"key":"d/b.log"}])",
         "",
         "",
         {"d/b.log"}},
        {"Source.objects.name",
         R"("bucket":"src","objects":[{"key":"d/b.log","name":"n"}])",
         "",
         "",
         {"n"}},
        {"Source.objects.version_id",
         R"("bucket":"src","objects":[{"key":"v","version_id":")" + first + R"("}])",
         "",
         "",
         {"v"},
         holds("first")},
        {"Source.manifest.bucket", list + "}", "", "", {"d/b.log"}},
        {"Source.manifest.key", list + "}", "", "", {"d/b.log"}},
        {"Source.manifest.version_id",
         R"("manifest":{"bucket":"src","key":"list","version_id":")" +
             *sim_->put("src", "list", R"({"bucket":"src","key":"e/c.txt"})") + R"("})",
         "",
         "",
         {"e/c.txt"}},
        {"Destination.bucket", "", R"("bucket":"src","key":"made.zip")", "", plain},
        {"Destination.key", "", R"("bucket":"out","key":"other/key.zip")", "", plain},
        {"Destination.overwrite", "", R"("bucket":"out","key":"other/key.zip","overwrite":true)",
         "", plain},
        {"Options.strip_prefix", "", "", R"("strip_prefix":"d/")", {"a.txt", "b.log"}},
        {"Options.flatten", "", "", R"("flatten":true)", {"a.txt", "b.log"}},
        {"Options.names",
         R"("bucket":"src","objects":[{"key":"x:y"}])",
         "",
         R"("names":"raw")",
         {"x:y"}},
        {"Options.order",
         R"("bucket":"src","objects":[{"key":"e/c.txt"},{"key":"d/a.txt"}])",
         "",
         R"("order":"key")",
         {"d/a.txt", "e/c.txt"}},
        {"Options.on_duplicate",
         twice,
         "",
         R"("on_duplicate":"rename")",
         {"d/a.txt", "d/a (2).txt"}},
        {"Options.on_missing", a_and_gone, "", R"("on_missing":"skip")", {"d/a.txt"}},
        {"Options.list_missing",
         a_and_gone,
         "",
         R"("on_missing":"skip","list_missing":true)",
         {"d/a.txt", "_MISSING.txt"}},
        {"Options.on_empty",
         R"("bucket":"src","prefix":"none")",
         "",
         R"("on_empty":"archive")",
         {}},
        {"Options.timestamps", "", "", R"("timestamps":"fixed")", plain,
         holds(std::string("\x00\x00\x21\x00", 4))},  // 1980-01-01, as DOS has it
        {"Options.comment", "", "", R"("comment":"a word")", plain, holds("a word")},
        {"Options.part_size",
         R"("bucket":"src","objects":[{"key":"large"}])",
         "",
         R"("part_size":"20MiB")",
         {"large"},
         shows("/requests/UploadPart", "2")},
        {"",
         R"("bucket":"src","objects":[{"key":"large"}])",
         "",
         "",
         {"large"},
         shows("/requests/UploadPart", "3")},  // without
        // Of the daemon alone.
        {"Options.execution", "", "", R"("execution":"local")", plain,
         shows("/request/options/execution", "\"local\"")},
        {"Options.priority", "", "", R"("priority":7)", plain,
         shows("/request/options/priority", "7")},
        {"Options.reuse", "", "", R"("reuse":true)", plain,
         shows("/request/options/reuse", "true")},
        {"Options.part_layout", "", "", R"("part_layout":"entries")", plain,
         shows("/request/options/part_layout", "\"entries\"")},
        {"Options.verify_sources", "", "", R"("verify_sources":"md5")", plain,
         shows("/request/options/verify_sources", "\"md5\"")},
        {"Options.checksums", "", "", R"("checksums":"required")", plain,
         shows("/request/options/checksums", "\"required\"")},
        {"Notify.url", "", "", "", plain, shows("/request/notify/url", "\"https://y/z?q=1\""),
         R"({"url":"https://y/z?q=1"})"},
    };
}

TEST_F(OptionsTest, WhatOtherFieldsSayIsDone) {
    start_recording();
    fill();
    for (const EffectRow& row : effect_rows()) {
        SCOPED_TRACE(row.field);
        const auto or_else = [](const std::string& text, const std::string& other) {
            return text.empty() ? other : text;
        };
        const std::string to = "{" +
                               or_else(row.destination, R"("bucket":"out","key":"e.zip",)"
                                                        R"("overwrite":true)") +
                               "}";
        const auto job =
            run(request("{" + or_else(row.source, R"("bucket":"src","prefix":"d/")") + "}", to,
                        "{" + row.options + "}", row.notify));
        ASSERT_EQ(text_at(job, "/state"), "succeeded") << at(job, "/error");
        const json::value asked = json::parse(to);
        const auto bytes = sim_->get(text_at(asked, "/bucket"), text_at(asked, "/key"));
        ASSERT_TRUE(bytes);
        const auto archive = archive::test::read_archive(*bytes);
        EXPECT_EQ(archive.problem, "");
        Names names;
        for (const auto& entry : archive.entries) names.push_back(entry.name);
        EXPECT_EQ(names, row.entries);
        if (row.check) row.check(job, *bytes);
    }
}

TEST_F(OptionsTest, APlanTakesNotifyAndTellsNobody) {
    start_recording();
    fill();
    const auto plan =
        call("POST", "/plans",
             request(R"({"bucket":"src","prefix":"d/"})", R"({"bucket":"out","key":"p.zip"})", "{}",
                     R"({"url":"http://127.0.0.1:9/"})"));
    EXPECT_EQ(plan.status, 200) << plan.body;
}

// All leaves of a schema: its properties, and those of objects in them.
void add_fields(const json::object& schema, const std::string& name, Names& out) {
    const auto* properties = schema.if_contains("properties");
    const auto* items = schema.if_contains("items");
    if (items != nullptr && items->as_object().contains("properties"))
        return add_fields(items->as_object(), name, out);
    if (properties == nullptr) return out.push_back(name);
    for (const auto& property : properties->as_object())
        add_fields(property.value().as_object(), name + "." + std::string(property.key()), out);
}

TEST_F(OptionsTest, EveryFieldOfTheApiHasARow) {
    start_recording();
    const json::value document = json::parse(std::string_view(kOpenApi));
    const json::object& schemas = document.at("components").at("schemas").as_object();
    Names fields;
    for (const char* part : {"Source", "Destination", "Options", "Notify"})
        add_fields(schemas.at(part).as_object(), part, fields);
    // STS is told of these, not S3.
    Names rows = {"Options.role_arn", "Options.external_id"};
    for (const HeaderRow& row : header_rows()) {
        if (!row.field.empty()) rows.push_back(row.field);
    }
    for (const EffectRow& row : effect_rows()) {
        if (!row.field.empty()) rows.push_back(row.field);
    }
    EXPECT_THAT(rows, testing::UnorderedElementsAreArray(fields));
    Names top;
    for (const auto& property : schemas.at("ArchiveRequest").at("properties").as_object())
        top.emplace_back(property.key());
    EXPECT_THAT(top, testing::UnorderedElementsAre("source", "sources", "destination", "options",
                                                   "notify"));
}

}  // namespace
}  // namespace s3zipd
