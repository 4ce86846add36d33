// ListBuckets, CreateBucket, DeleteBucket, GetBucketLocation, DeleteObjects.
#include "s3sim/operations.h"
#include "s3sim/xml.h"

namespace s3sim {

Answered<Response> Service::list_buckets(Exchange&) {
    XmlWriter xml;
    xml.root("ListAllMyBucketsResult")
        .open("Owner")
        .text("ID", "s3sim")
        .close("Owner")
        .open("Buckets");
    for (const auto& [name, created] : store_.buckets()) {
        xml.open("Bucket")
            .text("Name", name)
            .text("CreationDate", base::format_rfc3339(created))
            .close("Bucket");
    }
    return xml_response(xml.close("Buckets").close("ListAllMyBucketsResult").finish());
}

Answered<Response> Service::create_bucket(Exchange& exchange) {
    const auto location = parse_location_constraint(document_of(exchange));
    if (!location) return std::unexpected(location.error());
    const std::string wanted = location->empty() ? "us-east-1" : *location;
    if (!location->empty() && wanted != options_.region) {
        return refuse(400, "IllegalLocationConstraintException",
                      "The " + wanted +
                          " location constraint is incompatible for the region specific endpoint.");
    }
    auto made = store_.create_bucket(exchange.request.bucket, now());
    // us-east-1 says 200 to an owner's second CreateBucket.
    const bool again =
        !made && made.error().code == "BucketAlreadyOwnedByYou" && options_.region == "us-east-1";
    if (!made && !again) return std::unexpected(made.error());
    Response response;
    response.add("Location", "/" + exchange.request.bucket);
    return response;
}

Answered<Response> Service::delete_bucket(Exchange& exchange) {
    if (auto gone = store_.delete_bucket(exchange.request.bucket); !gone)
        return std::unexpected(gone.error());
    Response response;
    response.status = 204;
    return response;
}

Answered<Response> Service::bucket_location(Exchange& exchange) {
    XmlWriter xml;
    xml.root("LocationConstraint");
    std::string text = xml.finish();
    const std::string& region = region_of(exchange.request.bucket);
    if (region != "us-east-1") text += region;
    return xml_response(text + "</LocationConstraint>");
}

Answered<Response> Service::delete_objects(Exchange& exchange) {
    const Request& request = exchange.request;
    if (!request.has_header("content-md5") && !request.has_header("x-amz-checksum-crc32") &&
        !request.has_header("x-amz-checksum-sha256")) {
        return refuse(400, "InvalidRequest",
                      "Missing required header for this request: Content-MD5");
    }
    const auto wanted = parse_delete(document_of(exchange));
    if (!wanted) return std::unexpected(wanted.error());
    XmlWriter xml;
    xml.root("DeleteResult");
    for (const auto& [key, version] : wanted->objects) {
        auto gone = exchange.bucket->remove(key, version, now());
        if (gone && !gone->found && !version.empty()) gone = refuse("NoSuchVersion");
        if (!gone) {
            xml.open("Error").text("Key", key);
            if (!version.empty()) xml.text("VersionId", version);
            xml.text("Code", gone.error().code).text("Message", gone.error().message);
            xml.close("Error");
        } else if (!wanted->quiet) {
            xml.open("Deleted").text("Key", key);
            if (!version.empty()) xml.text("VersionId", version);
            if (gone->delete_marker) {
                xml.flag("DeleteMarker", true).text("DeleteMarkerVersionId", gone->version_id);
            }
            xml.close("Deleted");
        }
    }
    return xml_response(xml.close("DeleteResult").finish());
}

}  // namespace s3sim
