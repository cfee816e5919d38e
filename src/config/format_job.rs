//! The format of `[jobs.*]`, declared once: the job, its source, its destination and its map.

use super::declare::{Kind, Spec, Tagged, key, later, later_variant, variant};
use super::format::{
    ALTERED_ANSWERS, COUNT, DELETE_POLICIES, DELETING_METHODS, INSTANCES, KEY_TYPES, LISTING_METHODS, MANUAL,
    MISSING_ANSWERS, NO_PAGES, ORPHAN_ANSWERS, VERIFIES, VERSION_KINDS, WRITES, WRITING_METHODS,
};
use super::format_webhook::WEBHOOK;

pub(super) static JOB: Tagged = Tagged {
    tag: "mode",
    default: Some("one_way"),
    about: "A standing order: what is kept in step with what.",
    variants: &[variant("one_way", &ONE_WAY), later_variant("two_way"), later_variant("reconcile")],
};

static ONE_WAY: Spec = Spec {
    about: "A source is read, a destination follows it.",
    keys: &[
        key("description", Kind::Text, "What the job is for, for people."),
        key(
            "for_each",
            Kind::Word(INSTANCES),
            "`instances`: one job for each instance, named `job@instance`, in which texts may read `{{ instance.NAME }}`.",
        ),
        key("enabled", Kind::Boolean, "Whether the job runs. Enabling it starts the backfill.").default("true"),
        key(
            "schedule",
            Kind::Either(&[Kind::Word(MANUAL), Kind::Table(&SCHEDULE)]),
            "When the job runs by itself. Not written, it is `\"manual\"`: it runs when a person triggers it.",
        )
        .default("\"manual\""),
        key(
            "batch_window",
            Kind::Duration,
            "How long webhook events are gathered after the first before they are written; zero is at once.",
        )
        .default("\"0s\""),
        key("max_pages", COUNT, "A run ends after so many pages; the next goes on from its checkpoint."),
        key("max_runtime", Kind::Span, "A run ends after this time; the next goes on from its checkpoint."),
        key("max_attempts", COUNT, "A record's attempts before it is dead-lettered.").default("5"),
        key(
            "delete",
            Kind::Word(DELETE_POLICIES),
            "What a deleted record does at the destination. Not written: `soft` with a `soft_delete`, else `hard` with a `delete` request, else `ignore`.",
        ),
        key("guard", Kind::Table(&GUARD), "Bounds beyond which a run is parked for a person.").default("{}"),
        key("on_orphan", Kind::Word(ORPHAN_ANSWERS), "What an update does whose destination record is gone.")
            .default("\"create\""),
        key("source", Kind::Table(&SOURCE), "Where records are read.").required(),
        key("destination", Kind::Table(&DESTINATION), "Where records are written.").required(),
        key(
            "map",
            Kind::Named(&Kind::Either(&[Kind::Pointer, Kind::Table(&RULE)])),
            "Destination field = where it comes from. No map at all: the record as it is.",
        )
        .default("{}"),
    ],
};

static SCHEDULE: Spec = Spec {
    about: "A schedule that outlives restarts.",
    keys: &[
        key("every", Kind::Span, "The time from one start to the next."),
        key("jitter", Kind::Duration, "Up to so much is added at random, so that jobs do not start together.")
            .default("\"0s\""),
        key(
            "cron",
            Kind::Text,
            "In place of `every`: minute, hour, day of month, month and day of week, such as `\"0 */2 * * *\"`.",
        ),
        key("tz", Kind::Zone, "The time zone of `cron`; `\"UTC\"` where none is written."),
    ],
};

static GUARD: Spec = Spec {
    about: "Bounds beyond which a run is parked for a person.",
    keys: &[
        key(
            "max_delete_fraction",
            Kind::Fraction,
            "Of the records at the destination, how many a run may delete; what is beyond waits for a person.",
        )
        .default("0.2"),
        key(
            "max_deletes",
            Kind::Integer { min: 0, max: u64::MAX },
            "How many records a run may delete; what is beyond waits for a person.",
        )
        .default("1000"),
        key(
            "allow_empty",
            Kind::Boolean,
            "With `missing = \"delete\"`: a listing without any record is believed even where there were some.",
        )
        .default("false"),
        key("max_error_fraction", Kind::Fraction, "Of the records that a run scanned, how many may be dead-lettered.")
            .default("0.5"),
        key("min_records", Kind::Integer { min: 0, max: u64::MAX }, "Fractions are looked at from so many records on.")
            .default("50"),
    ],
};

static SOURCE: Spec = Spec {
    about: "Where and how records are read.",
    keys: &[
        key("connection", Kind::Text, "The connection's name. Needed where there is no `gather`."),
        key(
            "gather",
            Kind::List(&Kind::Table(&PART)),
            "In place of `connection`: several systems that are read into one stream, a job each, named `job+part`.",
        ),
        key("path", Kind::UrlTemplate, "Appended to the connection's `base_url`.").default("\"\""),
        key("query", Kind::Named(&Kind::UrlTemplate), "Parameters; templates know `cursor`, `since` and `limit`.")
            .default("{}"),
        key("method", Kind::Word(LISTING_METHODS), "POST for searches and GraphQL.").default("\"GET\""),
        key("body", Kind::Body, "The body of a POST; templates know `cursor`, `since` and `limit`."),
        key("records", Kind::Pointer, "Where the array of records stands in the answer; \"\" is the answer itself.")
            .default("\"\""),
        key(
            "id",
            Kind::Either(&[Kind::Pointer, Kind::List(&Kind::Pointer)]),
            "Where a record's id stands; a list makes a composite id.",
        )
        .required(),
        key(
            "key_type",
            Kind::Word(KEY_TYPES),
            "What an id is: `text` or `integer`. An id of the other type is a dead letter, and many of them stop the run. `any`: `\"7\"` and `7` are the same id.",
        )
        .default("\"any\""),
        key(
            "version",
            Kind::Either(&[Kind::Pointer, Kind::Table(&VERSION)]),
            "Where a record's version stands: a time or an integer that says which is newer.",
        ),
        key("deleted", Kind::Pointer, "Truthy means that the record is gone."),
        key(
            "missing",
            Kind::Word(MISSING_ANSWERS),
            "What happens to a record that a complete listing of everything no longer holds: `delete` treats it as deleted.",
        )
        .default("\"ignore\""),
        key("filter", Kind::Expression, "Records that the expression refuses are skipped as filtered."),
        key(
            "sorted",
            Kind::Boolean,
            "The listing is in order of (version, id), so the watermark may move page by page.",
        )
        .default("false"),
        key("error", Kind::Pointer, "Where an error stands that is told in a 200 answer."),
        key(
            "searchable",
            Kind::List(&Kind::Pointer),
            "Fields whose values find a record beside its id, for `syncdeck why` and `w` on the screen.",
        ),
        key("total", Kind::Pointer, "Where the number of records of the listing stands."),
        key(
            "one",
            Kind::Table(&ONE),
            "How one record is read: a retry sends what the source holds now, `why` shows it, `n` syncs it alone.",
        ),
        key("paginate", Kind::Either(&[Kind::Word(NO_PAGES), Kind::Tagged(&PAGINATE)]), "How the next page is found.")
            .default("\"none\""),
        key(
            "incremental",
            Kind::Table(&INCREMENTAL),
            "Polls what changed since the watermark once the backfill is done.",
        ),
        key(
            "change_log",
            Kind::Table(&CHANGE_LOG),
            "Where the source tells what changed: it is read once everything was listed. Needs `one`.",
        ),
        key("webhook", Kind::Table(&WEBHOOK), "Changes come by webhook too, beside the schedule."),
    ],
};

static CHANGE_LOG: Spec = Spec {
    about: "An endpoint that tells what changed, in order, behind the last sequence that was taken.",
    keys: &[
        key("path", Kind::UrlTemplate, "Appended to the connection's `base_url`.").required(),
        key("query", Kind::Named(&Kind::Text), "Parameters of each request, such as the number of events.")
            .default("{}"),
        key("param", Kind::Text, "The query parameter that takes the last sequence.").default("\"after\""),
        key("records", Kind::Pointer, "Where the array of events stands in the answer; \"\" is the answer itself.")
            .default("\"\""),
        key(
            "id",
            Kind::Either(&[Kind::Pointer, Kind::List(&Kind::Pointer)]),
            "In an event: the id of the record, as the listing has it.",
        )
        .required(),
        key("sequence", Kind::Pointer, "In an event: its place in the log, a number or a text.").required(),
        key("kind", Kind::Pointer, "In an event: what happened to the record."),
        key("deleted", Kind::List(&Kind::Text), "The kinds that say that it was deleted; all others are changes."),
        key("oldest", Kind::Pointer, "In the answer: the oldest sequence that the log still holds."),
        key("head", Kind::Table(&LOG_HEAD), "How the last sequence is read, so that the log is read from there on."),
    ],
};

static LOG_HEAD: Spec = Spec {
    about: "How the last sequence of a change log is read before everything is listed.",
    keys: &[
        key("path", Kind::UrlTemplate, "Appended to the connection's `base_url`.").required(),
        key("sequence", Kind::Pointer, "Where the sequence stands in the answer.").required(),
    ],
};

static PART: Spec = Spec {
    about: "One of the systems whose records are gathered.",
    keys: &[
        key("connection", Kind::Text, "The connection's name.").required(),
        key("prefix", Kind::Text, "Put before the id of each of its records, so that equal ids stay apart.").required(),
        key("name", Kind::Text, "What the part is called. Not written: the prefix without the sign that ends it."),
    ],
};

static VERSION: Spec = Spec {
    about: "A record's version and how it is read.",
    keys: &[
        key("from", Kind::Pointer, "Where the version stands in a record.").required(),
        key("kind", Kind::Word(VERSION_KINDS), "`auto` reads an integer as an integer and else a time."),
        key("zone", Kind::Zone, "The zone of times that are written without one."),
    ],
};

static ONE: Spec = Spec {
    about: "How one record is read by its id.",
    keys: &[
        key("path", Kind::UrlTemplate, "A template that knows `id`.").required(),
        key("record", Kind::Pointer, "Where the record stands in the answer.").default("\"\""),
    ],
};

static INCREMENTAL: Spec = Spec {
    about: "How the source is asked for what changed since a version.",
    keys: &[
        key("param", Kind::Text, "The query parameter that takes the bound. Not needed where a template uses `since`."),
        key(
            "start",
            Kind::Either(&[Kind::Time, Kind::Integer { min: 0, max: i64::MAX as u64 }]),
            "The bound of the very first listing.",
        ),
        key("overlap", Kind::Duration, "How far behind the watermark a listing begins, for records committed late.")
            .default("\"60s\""),
    ],
};

static PAGINATE: Tagged = Tagged {
    tag: "type",
    default: None,
    about: "How the next page is found.",
    variants: &[
        variant("none", &PAGES_NONE),
        variant("cursor", &PAGES_CURSOR),
        variant("next_url", &PAGES_NEXT_URL),
        variant("params", &PAGES_PARAMS),
        variant("link_header", &PAGES_LINK_HEADER),
        variant("page", &PAGES_PAGE),
        variant("offset", &PAGES_OFFSET),
        variant("keyset", &PAGES_KEYSET),
    ],
};

static PAGES_NONE: Spec = Spec { about: "One answer holds everything.", keys: &[] };

static PAGES_CURSOR: Spec = Spec {
    about: "A token in the answer goes back as a parameter.",
    keys: &[
        key("next", Kind::Pointer, "Where the token stands in the answer.").required(),
        key("param", Kind::Text, "The parameter that takes the token.").default("\"cursor\""),
    ],
};

static PAGES_NEXT_URL: Spec = Spec {
    about: "The answer or a header holds the next page's address.",
    keys: &[
        key("next", Kind::Pointer, "Where the address stands in the answer."),
        key("header", Kind::HeaderName, "The header that holds the address."),
    ],
};

static PAGES_PARAMS: Spec = Spec {
    about: "An object in the answer whose members all go back as parameters.",
    keys: &[key("next", Kind::Pointer, "Where the object stands in the answer.").required()],
};

static PAGES_LINK_HEADER: Spec = Spec { about: "The `Link` header with `rel=\"next\"` (RFC 8288).", keys: &[] };

static PAGES_PAGE: Spec = Spec {
    about: "Pages are numbered.",
    keys: &[
        key("param", Kind::Text, "The parameter that takes the page's number.").default("\"page\""),
        key("first", Kind::Integer { min: 0, max: u32::MAX as u64 }, "The first page's number.").default("1"),
        key("size_param", Kind::Text, "The parameter that takes `size`."),
        key("size", COUNT, "Records a page."),
    ],
};

static PAGES_OFFSET: Spec = Spec {
    about: "So many records are left out. This skips records of a set that changes while it is read.",
    keys: &[
        key("param", Kind::Text, "The parameter that takes the offset.").default("\"offset\""),
        key("size_param", Kind::Text, "The parameter that takes `size`."),
        key("size", COUNT, "Records a page.").default("100"),
    ],
};

static PAGES_KEYSET: Spec = Spec {
    about: "The last record's version and id go back as parameters.",
    keys: &[
        key("after", Kind::Text, "The parameter that takes the last version.").required(),
        key("tie", Kind::Text, "The parameter that takes the last id."),
    ],
};

static DESTINATION: Spec = Spec {
    about: "Where and how records are written.",
    keys: &[
        key("connection", Kind::Text, "The connection's name.").required(),
        key(
            "write",
            Kind::Word(WRITES),
            "`upsert`: one idempotent request a record. `batch`: many records a request, a status each. `lookup`: found by the source's id, then updated, else created. `create`: created once; the link keeps the destination's id.",
        )
        .default("\"upsert\""),
        key("path", Kind::UrlTemplate, "Where one record is written; `{{ id }}` is its id (the destination's own with `lookup` and `create`). Needed by all but `batch`."),
        key("method", Kind::Word(WRITING_METHODS), "How one record is written.").default("\"PUT\""),
        key(
            "body",
            Kind::Body,
            "What is sent; the text `{{ fields }}` alone stands for the mapped fields. Default: the mapped fields.",
        ),
        key(
            "changed_fields_only",
            Kind::Boolean,
            "Updates send only the fields that differ from what was last written.",
        )
        .default("false"),
        key("idempotency_header", Kind::HeaderName, "The header that takes a key which is the same for every attempt."),
        key(
            "idempotency_expires",
            Kind::Span,
            "How long the destination remembers a key. A create that is older is not repeated under its key.",
        )
        .default("\"24h\""),
        key(
            "at_least_once",
            Kind::Boolean,
            "`create`: one whose answer is lost is sent again, even if that makes the record twice.",
        )
        .default("false"),
        key(
            "version_header",
            Kind::Table(&VERSION_HEADER),
            "Sends the last seen version, so that a newer record is not overwritten.",
        ),
        key("id", Kind::Pointer, "Where the destination's own id stands in its answer."),
        key("create", Kind::Table(&CREATE), "How a record is made where the destination gives it its id."),
        key("lookup", Kind::Table(&LOOKUP), "How a record is found at the destination by the source's id."),
        key("verify", Kind::Word(VERIFIES), "`read_back`: what was written is read again and compared.")
            .default("\"none\""),
        key(
            "on_altered",
            Kind::Word(ALTERED_ANSWERS),
            "What happens where `verify` finds that the destination keeps another value than was sent.",
        )
        .default("\"warn\""),
        key("delete", Kind::Table(&DELETE), "How one record is deleted."),
        key(
            "one",
            Kind::Table(&ONE),
            "How one record is read, so that `why` can show what the destination holds now. Default: a GET of `path`.",
        ),
        key("soft_delete", Kind::Table(&SOFT_DELETE), "How one record is flagged as deleted."),
        key("batch", Kind::Table(&BATCH), "How many records are written by one request. Needed by `batch`."),
        later("marker", "Marks our own writes."),
    ],
};

static VERSION_HEADER: Spec = Spec {
    about: "The header that carries the destination's last seen version.",
    keys: &[
        key("name", Kind::HeaderName, "The header's name.").default("\"If-Match\""),
        key("from", Kind::Pointer, "Where the version stands in an answer; \"\" is the `ETag` header.").default("\"\""),
    ],
};

static CREATE: Spec = Spec {
    about: "How a record is made at a destination that gives it its id.",
    keys: &[
        key("method", Kind::Word(WRITING_METHODS), "The method.").default("\"POST\""),
        key("path", Kind::UrlTemplate, "A template that knows `id`, the source's.").required(),
        key("body", Kind::Body, "What is sent. Not written: as `body` of the destination."),
        key(
            "external_id",
            Kind::Pointer,
            "The destination field that carries the source's id; it is added to what the map makes.",
        ),
    ],
};

static LOOKUP: Spec = Spec {
    about: "How a record is found by the source's id.",
    keys: &[
        key("path", Kind::UrlTemplate, "A template that knows `id`, the source's, and `record`.").required(),
        key("query", Kind::Named(&Kind::UrlTemplate), "Parameters; templates know `id` and `record`.").default("{}"),
        key("records", Kind::Pointer, "Where the array of records that were found stands in the answer.")
            .default("\"\""),
        key("id", Kind::Pointer, "Where the destination's id stands in one of them.").default("\"/id\""),
    ],
};

static DELETE: Spec = Spec {
    about: "How one record is deleted.",
    keys: &[
        key("method", Kind::Word(DELETING_METHODS), "The method.").default("\"DELETE\""),
        key("path", Kind::UrlTemplate, "A template that knows `id`.").required(),
        key("body", Kind::Body, "What is sent. Not written: nothing."),
    ],
};

static SOFT_DELETE: Spec = Spec {
    about: "How one record is flagged as deleted.",
    keys: &[key("fields", Kind::JsonTable, "The fields that are set.").required()],
};

static BATCH: Spec = Spec {
    about: "How many records are written by one request.",
    keys: &[
        key("method", Kind::Word(WRITING_METHODS), "The method.").default("\"POST\""),
        key("path", Kind::UrlTemplate, "Appended to the connection's `base_url`.").required(),
        key("size", Kind::Integer { min: 1, max: 10_000 }, "The most records a request.").default("100"),
        key("items", Kind::Pointer, "Where the array of records stands in the request.").default("\"\""),
        key("statuses", Kind::Pointer, "Where the array of statuses stands in the answer.").default("\"\""),
        key(
            "id",
            Kind::Pointer,
            "In one status: the id of its record. Not written: the order counts, unless every status repeats an `id`.",
        ),
        key("status", Kind::Pointer, "In one status: an HTTP status number.").default("\"/status\""),
        key("error", Kind::Pointer, "In one status: the message."),
        key("each", Kind::Table(&EACH), "What one item is, when it is more than the fields."),
        key("each_delete", Kind::Table(&EACH_DELETE), "What one item is that deletes its record."),
    ],
};

static EACH: Spec = Spec {
    about: "One item of a batch.",
    keys: &[
        key("method", Kind::Word(WRITING_METHODS), "Known to the body as `method`.").default("\"PUT\""),
        key("path", Kind::UrlTemplate, "Known to the body as `path`.").default("\"\""),
        key("body", Kind::Body, "The item; the text `{{ fields }}` alone stands for the mapped fields."),
    ],
};

static EACH_DELETE: Spec = Spec {
    about: "One item of a batch that deletes its record.",
    keys: &[
        key("method", Kind::Word(DELETING_METHODS), "Known to the body as `method`.").default("\"DELETE\""),
        key("path", Kind::UrlTemplate, "Known to the body as `path`.").default("\"\""),
        key("body", Kind::Body, "The item.").required(),
    ],
};

static RULE: Spec = Spec {
    about: "Where one destination field comes from: one of `from`, `expr` and `value`.",
    keys: &[
        key("from", Kind::Pointer, "Where the value stands in the record."),
        key("expr", Kind::MapExpression, "An expression over `record`."),
        key("value", Kind::Json, "A constant."),
        key("default", Kind::Json, "What a missing field becomes. Without it, it is left out."),
        key("required", Kind::Boolean, "A missing field dead-letters the record.").default("false"),
        key("trim", Kind::Boolean, "Spaces at both ends are removed.").default("false"),
        key("values", Kind::JsonTable, "A picklist: source value = destination value."),
        key("otherwise", Kind::Json, "What a value becomes that `values` does not know."),
        key("to", Kind::Transform, "The transform."),
        key("decimal", Kind::Text, "`number`: the decimal mark."),
        key("yes", Kind::List(&Kind::Json), "`boolean`: the values that are true."),
        key("no", Kind::List(&Kind::Json), "`boolean`: the values that are false."),
        key("read", Kind::Text, "`time`, `date`: how the value is written at the source."),
        key("write", Kind::Text, "`time`, `date`: how it is written at the destination."),
        key("zone", Kind::Zone, "`time`, `date`: the zone of values without one."),
        key("region", Kind::Text, "`phone`: the region of numbers without a country code."),
        key("style", Kind::Text, "`phone`: `us`, `e164`, `international` or `national`."),
        key("by", Kind::Text, "`split`, `join`: the text between the parts."),
        key("salt", Kind::Secret, "`hash`: a secret that is hashed with the value."),
        key(
            "back",
            Kind::Json,
            "`json`: true makes text of JSON. Else the transform of a two-way job's other direction.",
        ),
    ],
};
