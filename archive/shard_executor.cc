#include "archive/shard_executor.h"

namespace archive {

io::Task<base::Result<ShardResult>> execute_shard(ShardContext context, const ShardPlan& shard) {
    ShardResult result;
    for (const ShardPart& part : shard.parts) {
        auto memory = co_await context.slab.reserve(part.size, {.cancel = context.call.cancel});
        if (!memory) co_return std::unexpected(memory.error());
        PartBuilder builder(context, shard, part, std::move(*memory));
        if (auto fetched = co_await builder.fetch(); !fetched)
            co_return std::unexpected(fetched.error());
        if (auto written = builder.write_headers(); !written)
            co_return std::unexpected(written.error());

        std::vector<base::ByteView> views;
        const s3client::Body body = builder.body(views);
        co_await builder.record(body.crc32);
        auto etag = co_await context.client.upload_part(shard.upload, part.number, body,
                                                        context.call_with(shard.upload_access));
        if (!etag) co_return std::unexpected(etag.error());
        if (context.recorder != nullptr) context.recorder->part_stored(part.number, *etag);
        result.parts.push_back({part.number, part.size, body.crc32, std::move(*etag)});
        result.compared += builder.compared();
        const auto pieces = builder.pieces();
        result.pieces.insert(result.pieces.end(), pieces.begin(), pieces.end());
    }
    co_return result;
}

}  // namespace archive
