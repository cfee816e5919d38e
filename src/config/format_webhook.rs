//! The format of `[serve]` and of a source's `webhook`, declared once.

use super::declare::{Kind, Spec, Word, key, word};
use super::format::{COUNT, WRITING_METHODS};

pub(super) static SERVE: Spec = Spec {
    about: "The address at which webhooks are taken in. Nothing listens unless a job needs it.",
    keys: &[
        key("listen", Kind::Text, "Address and port.").default("\"127.0.0.1:8787\""),
        key("public_url", Kind::Text, "How the outside reaches that address; subscriptions are made with it."),
        key("max_body", Kind::Size, "The largest event that is taken.").default("\"1MiB\""),
    ],
};

static SCHEMES: &[Word] = &[word("hmac-sha256"), word("standard-webhooks"), word("github"), word("stripe")];

pub(super) static WEBHOOK: Spec = Spec {
    about: "Events by which the source tells what changed. The schedule goes on beside them.",
    keys: &[
        key("path", Kind::Text, "The path at the address of `[serve]`, each job its own.").required(),
        key(
            "secret",
            Kind::Either(&[Kind::Secret, Kind::List(&Kind::Secret)]),
            "What events are signed with; of a list any secret may have signed, so that one can be renewed.",
        ),
        key("scheme", Kind::Word(SCHEMES), "How events are signed.").default("\"hmac-sha256\""),
        key("header", Kind::HeaderName, "The header with the signature, of scheme `hmac-sha256`."),
        key("prefix", Kind::Text, "What stands before the signature in its header, such as `sha256=`.").default("\"\""),
        key(
            "insecure",
            Kind::Boolean,
            "Events without a signature are taken. Whoever reaches the address can send them.",
        )
        .default("false"),
        key(
            "delivery",
            Kind::Either(&[Kind::Pointer, Kind::Table(&DELIVERY)]),
            "Where an event's own id stands, by which a second delivery is known. The schemes but `hmac-sha256` know it.",
        ),
        key("record", Kind::Pointer, "Where the record stands in an event; \"\" is the event itself."),
        key(
            "id",
            Kind::Either(&[Kind::Pointer, Kind::List(&Kind::Pointer)]),
            "Where the record's id stands in an event. Not written: the record has it.",
        ),
        key("version", Kind::Pointer, "Where the record's version stands in an event, if not in the record."),
        key("deleted", Kind::Pointer, "Where an event says that the record is gone; truthy means that it is."),
        key("event", Kind::Pointer, "Where an event's type stands."),
        key("deletes", Kind::List(&Kind::Text), "The types of events that mean that the record is gone.").default("[]"),
        key(
            "fetch",
            Kind::Boolean,
            "The record is read by `one` from the source as it is now. Not written: where the job names no `record`.",
        ),
        key("respond", Kind::Table(&RESPOND), "The answer to an event once it is stored.").default("{}"),
        key("max_waiting", COUNT, "Events that may wait; beyond them the sender is told to come back later.")
            .default("100000"),
        key(
            "silence",
            Kind::Span,
            "Without an event for so long the source is polled, and the console says so. Not written: by the usual rate.",
        ),
        key("subscribe", Kind::Table(&SUBSCRIBE), "How events are ordered at the source, and kept coming."),
    ],
};

static DELIVERY: Spec = Spec {
    about: "The header that holds an event's own id.",
    keys: &[key("header", Kind::HeaderName, "The header's name.").required()],
};

static RESPOND: Spec = Spec {
    about: "The answer to an event once it is stored.",
    keys: &[
        key("status", Kind::Integer { min: 200, max: 299 }, "Its status.").default("202"),
        key("body", Kind::Text, "Its body. Not written: none."),
    ],
};

static SUBSCRIBE: Spec = Spec {
    about: "How events are ordered at the source: when the job is enabled, and again whenever the order is gone.",
    keys: &[
        key("method", Kind::Word(WRITING_METHODS), "The method of the order.").default("\"POST\""),
        key("path", Kind::UrlTemplate, "Appended to the connection's `base_url`.").required(),
        key("body", Kind::Body, "The order; templates know `url`.").default("{ url = \"{{ url }}\" }"),
        key("id", Kind::Pointer, "Where the subscription's id stands in the answer.").default("\"/id\""),
        key("unsubscribe", Kind::UrlTemplate, "A path with `{{ id }}`: a DELETE of it ends the subscription."),
        key(
            "get",
            Kind::UrlTemplate,
            "A path with `{{ id }}`: a GET of it says whether the subscription is still there.",
        ),
        key("list", Kind::Table(&LIST), "All subscriptions, so that none is made twice after a crash."),
        key("expires", Kind::Pointer, "Where the answer says when the subscription ends."),
        key("lifetime", Kind::Span, "How long a subscription lasts, where the answer does not say it."),
        key("renew", Kind::Table(&RENEW), "How it is made to last longer. Not written: a new one takes its place."),
    ],
};

static LIST: Spec = Spec {
    about: "A listing of all subscriptions.",
    keys: &[
        key("path", Kind::UrlTemplate, "Appended to the connection's `base_url`.").required(),
        key("records", Kind::Pointer, "Where the array stands in the answer; \"\" is the answer itself.")
            .default("\"\""),
        key("id", Kind::Pointer, "Where the id stands in a subscription.").default("\"/id\""),
        key("url", Kind::Pointer, "Where the address stands in a subscription.").default("\"/url\""),
    ],
};

static RENEW: Spec = Spec {
    about: "How a subscription is made to last longer.",
    keys: &[
        key("method", Kind::Word(WRITING_METHODS), "The method.").default("\"POST\""),
        key("path", Kind::UrlTemplate, "A path that knows `id`.").required(),
        key("body", Kind::Body, "Its body; templates know `id` and `url`."),
    ],
};
