//! The format of `syncdeck.toml`, declared once: the file itself, its connections and the console.

use super::declare::{Kind, Spec, Tagged, Word, key, later, later_variant, variant, word};
use super::format_job::JOB;
use super::format_webhook::SERVE;

pub(super) const COUNT: Kind = Kind::Integer { min: 1, max: u32::MAX as u64 };
/// A count that may differ from instance to instance.
const OWN_COUNT: Kind = Kind::OfInstance(&COUNT);

pub(super) static FILE: Spec = Spec {
    about: "The configuration of syncdeck.",
    keys: &[
        key(
            "include",
            Kind::List(&Kind::Text),
            "More files to read, relative to this one; `*` stands for any text in the last part of a path.",
        ),
        key("workspace", Kind::Table(&WORKSPACE), "The name of this configuration and the folder of its state."),
        key("connections", Kind::Named(&CONNECTION_KIND), "The systems, declared once, by name."),
        key("instances", Kind::Named(&Kind::Table(&INSTANCE)), "The same jobs for many customers, by their names."),
        key("jobs", Kind::Named(&JOB_KIND), "The jobs, by name."),
        key("notify", Kind::Named(&Kind::Table(&NOTIFY)), "Who is told when something needs a person, by name."),
        later("flows", "Requests that are answered step by step, by name."),
        key("serve", Kind::Table(&SERVE), "The address at which webhooks are taken in."),
        key("console", Kind::Table(&CONSOLE), "How the console looks and which keys it knows."),
    ],
};

pub(super) static WORKSPACE: Spec = Spec {
    about: "The name of this configuration and the folder of its state.",
    keys: &[
        key("name", Kind::Text, "Shown in the console's header; a folder's name.").default("\"default\""),
        key(
            "state",
            Kind::Text,
            "The folder of the state file, logs and control socket, relative to this file. Default: `$XDG_STATE_HOME/syncdeck/<name>`.",
        ),
        key(
            "read_only",
            Kind::Boolean,
            "For looking: nothing is changed and no engine started with this configuration.",
        )
        .default("false"),
        key(
            "runs_at_once",
            COUNT,
            "The most runs at a time. Of the jobs that are due beyond it, the one that waits longest runs next.",
        )
        .default("16"),
    ],
};

/// A theme of one's own: a file.
pub(super) static THEME: Spec = Spec {
    about: "Colours by meaning: `#rrggbb`, or a name such as `cyan` or `bright-red`.",
    keys: &[
        key("on", Kind::Text, "The background that it is for: `dark` or `light`.").default("\"dark\""),
        key("run", Kind::Text, "What runs."),
        key("ok", Kind::Text, "What went well."),
        key("pause", Kind::Text, "What is paused."),
        key("wait", Kind::Text, "What waits and tries again."),
        key("warn", Kind::Text, "What needs a look."),
        key("fail", Kind::Text, "What failed or was refused."),
        key("dim", Kind::Text, "What matters less."),
        key("key", Kind::Text, "Keys that can be pressed."),
    ],
};

const KEYS: Kind = Kind::Text;

pub(super) static CONSOLE: Spec = Spec {
    about: "How the console looks and which keys it knows.",
    keys: &[
        key("theme", Kind::Text, "`auto` or `term` (the terminal's own colours), `cvd` (for every colour vision), `dark`, `light`, `mono`, or a file beside the configuration.")
            .default("\"auto\""),
        key(
            "redact",
            Kind::List(&Kind::Text),
            "Fields that are masked on screen and in exports until they are revealed by key.",
        )
        .default("[]"),
        key(
            "clipboard",
            Kind::Word(&[word("auto"), word("osc52"), word("command")]),
            "How texts get to the clipboard: by the terminal (OSC 52), or by wl-copy, xclip or pbcopy.",
        )
        .default("\"auto\""),
        key("mouse", Kind::Boolean, "The console listens to the mouse from its start; a key turns it on and off.")
            .default("false"),
        key(
            "keys",
            Kind::Named(&Kind::Either(&[KEYS, Kind::List(&Kind::Text), Kind::Named(&Kind::Either(&[KEYS, Kind::List(&Kind::Text)]))])),
            "Which keys do what: action = key, or a list of keys; \"\" takes its keys away. A table of such lines holds for one place alone (`[console.keys.logs]`). `syncdeck keys` lists actions and places.",
        )
        .default("{}"),
    ],
};

static INSTANCE: Spec = Spec {
    about: "One customer of the jobs that are `for_each = \"instances\"`.",
    keys: &[
        key(
            "vars",
            Kind::Named(&VAR),
            "What differs from instance to instance; jobs and connections read it as `{{ instance.NAME }}`, and the instance's own name as `{{ instance.name }}`.",
        )
        .default("{}"),
        key("enabled", Kind::Boolean, "Whether its jobs run.").default("true"),
        key(
            "jobs",
            Kind::List(&Kind::Text),
            "The jobs that this instance has. Not written: all that are for each instance.",
        ),
    ],
};

static VAR: Kind = Kind::Either(&[Kind::Text, Kind::Integer { min: 0, max: i64::MAX as u64 }, Kind::Boolean]);

static NOTIFY: Spec = Spec {
    about: "Who is told when something needs a person, and when that is over.",
    keys: &[
        key("on", Kind::List(&NOTIFIED_WORD), "What is told.").default(
            "[\"needs_attention\", \"stalled\", \"missed_schedule\", \"dead_letters\", \"circuit_open\", \"webhook\", \"silent\", \"store_error\"]",
        ),
        key(
            "command",
            Kind::List(&Kind::Text),
            "A program and its arguments, run without a shell; it gets the alert as JSON on its standard input.",
        ),
        key("url", Kind::Secret, "An address to which the alert is posted as JSON."),
        key("over", Kind::Boolean, "Tell also when it is over.").default("true"),
        key("timeout", Kind::Span, "The longest that telling may take.").default("\"10s\""),
    ],
};

static NOTIFIED_WORD: Kind = Kind::Word(&NOTIFIED);

static NOTIFIED: [Word; 16] = [
    word("needs_attention"),
    word("withheld"),
    word("stalled"),
    word("failed"),
    word("missed_schedule"),
    word("many_errors"),
    word("source_changed"),
    word("dead_letters"),
    word("circuit_open"),
    word("webhook"),
    word("silent"),
    word("held"),
    word("budget_low"),
    word("paused_long"),
    word("store_error"),
    word("config_changed"),
];

pub(super) static CONNECTION_KIND: Kind = Kind::Tagged(&CONNECTION);
pub(super) static JOB_KIND: Kind = Kind::Tagged(&JOB);

static CONNECTION: Tagged = Tagged {
    tag: "type",
    default: None,
    about: "How to reach one outside system: address, credentials, limits.",
    variants: &[
        variant("rest", &REST),
        later_variant("sqlite"),
        later_variant("postgres"),
        later_variant("file"),
        later_variant("singer"),
    ],
};

pub(super) static REST: Spec = Spec {
    about: "A system that speaks JSON over HTTP.",
    keys: &[
        key("base_url", Kind::Text, "The address that every path is appended to.").required(),
        key("headers", Kind::Named(&Kind::Text), "Headers that every request carries.").default("{}"),
        key("timeout", Kind::Span, "The longest that one request may take, from connecting to the last byte.")
            .default("\"30s\""),
        key("idle_timeout", Kind::Span, "The longest wait for the next byte of an answer. Where it is not written, a longer `timeout` holds for it, too.").default("\"30s\""),
        key("max_body", Kind::Size, "The largest answer that is taken, after decompression.").default("\"64MiB\""),
        key(
            "max_ratio",
            Kind::Integer { min: 1, max: 1_000_000 },
            "How many times its length an answer may inflate to; answers below 1 MiB may inflate as they like.",
        )
        .default("100"),
        key(
            "max_depth",
            Kind::Integer { min: 1, max: 128 },
            "How deep a record may be nested; one that is deeper becomes a dead letter.",
        )
        .default("128"),
        key(
            "allow_hosts",
            Kind::List(&Kind::Text),
            "Hosts (`host` or `host:port`) beside that of `base_url` to which next pages and redirects of reads may lead. No credentials are sent there.",
        )
        .default("[]"),
        key(
            "ca_file",
            Kind::Text,
            "A file of certificate authorities (PEM), relative to this file, that are trusted beside the system's.",
        ),
        key(
            "insecure_tls",
            Kind::Boolean,
            "Certificates are not checked: whoever stands between can read and change everything.",
        )
        .default("false"),
        key("auth", Kind::Tagged(&AUTH), "How requests prove who asks."),
        key("limits", Kind::Table(&LIMITS), "The bounds that all jobs of this connection share.").default("{}"),
        key("retry", Kind::Table(&RETRY), "How transient faults are tried again.").default("{}"),
    ],
};

static AUTH: Tagged = Tagged {
    tag: "type",
    default: None,
    about: "How requests prove who asks.",
    variants: &[
        variant("bearer", &BEARER),
        variant("basic", &BASIC),
        variant("header", &AUTH_HEADER),
        variant("query", &AUTH_QUERY),
        variant("oauth2", &OAUTH2),
    ],
};

static BEARER: Spec = Spec {
    about: "A token in the `Authorization` header.",
    keys: &[key("token", Kind::Secret, "The token.").required()],
};

static BASIC: Spec = Spec {
    about: "A user and a password in the `Authorization` header.",
    keys: &[key("user", Kind::Text, "The user.").required(), key("password", Kind::Secret, "The password.").required()],
};

static AUTH_HEADER: Spec = Spec {
    about: "A secret in a header.",
    keys: &[
        key("name", Kind::HeaderName, "The header's name.").required(),
        key("value", Kind::Secret, "The header's value.").required(),
    ],
};

static AUTH_QUERY: Spec = Spec {
    about: "A secret in the query.",
    keys: &[
        key("name", Kind::Text, "The parameter's name.").required(),
        key("value", Kind::Secret, "The parameter's value.").required(),
    ],
};

static OAUTH2: Spec = Spec {
    about: "A sign-in (OAuth 2.0): a token that is asked for, renewed before it expires, and renewed once when it is refused.",
    keys: &[
        key("token_url", Kind::Text, "The address of the token endpoint.").required(),
        key("client_id", Kind::Text, "The client's id.").required(),
        key(
            "client_secret",
            Kind::Secret,
            "The client's secret. Not written: a public client, which needs a `refresh_token`.",
        ),
        key("scopes", Kind::List(&Kind::Text), "What is asked for.").default("[]"),
        key(
            "refresh_token",
            Kind::Secret,
            "What a person was given when signing in. Not written: the client signs in with its own credentials. A newer one that the system gives is kept in the state.",
        ),
        key("audience", Kind::Text, "Whom the token is for, where the token endpoint asks."),
        key("params", Kind::Named(&Kind::Text), "Further parameters of a token request.").default("{}"),
        key(
            "client_auth",
            Kind::Word(&[word("basic"), word("body")]),
            "Where a token request carries the client's id and secret: in the `Authorization` header, or in the body.",
        )
        .default("\"basic\""),
    ],
};

static LIMITS: Spec = Spec {
    about: "A token bucket and a ceiling of requests in flight. What the system itself says in its headers tightens it.",
    keys: &[
        key("requests", OWN_COUNT, "Requests allowed in each `per`. Not written: no budget."),
        key("per", Kind::Span, "The time that `requests` counts for.").default("\"60s\""),
        key("burst", OWN_COUNT, "Requests that may come at once after a pause.").default("1"),
        key("quota", Kind::Table(&QUOTA), "Requests allowed in a long span, such as a day; counted over restarts."),
        key(
            "in_flight",
            Kind::OfInstance(&Kind::Integer { min: 1, max: 1024 }),
            "The most requests at a time. The engine adapts below it; not written, it finds its own way.",
        ),
    ],
};

static QUOTA: Spec = Spec {
    about: "Requests allowed in a long span. Spans of a day begin at midnight UTC.",
    keys: &[
        key("requests", OWN_COUNT, "Requests allowed in each `per`.").required(),
        key("per", Kind::Span, "The span that `requests` counts for.").default("\"24h\""),
    ],
};

static RETRY: Spec = Spec {
    about: "How transient faults are tried again: 408, 425, 429, 5xx, timeouts, broken connections.",
    keys: &[
        key("attempts", COUNT, "Tries of one request in all.").default("8"),
        key("first_delay", Kind::Span, "The first wait; it doubles with every try.").default("\"1s\""),
        key("max_delay", Kind::Span, "The longest wait between two tries.").default("\"60s\""),
        key(
            "max_retry_after",
            Kind::Duration,
            "A longer `Retry-After` parks the job as waiting instead of holding the request.",
        )
        .default("\"15m\""),
    ],
};

pub(super) static LISTING_METHODS: &[Word] = &[word("GET"), word("POST")];
pub(super) static WRITING_METHODS: &[Word] = &[word("PUT"), word("POST"), word("PATCH")];
pub(super) static DELETING_METHODS: &[Word] = &[word("DELETE"), word("POST"), word("PUT"), word("PATCH")];
pub(super) static DELETE_POLICIES: &[Word] = &[word("soft"), word("hard"), word("ignore")];
pub(super) static ORPHAN_ANSWERS: &[Word] = &[word("create"), word("dead_letter"), word("ignore")];
pub(super) static VERSION_KINDS: &[Word] = &[word("auto"), word("time"), word("integer")];
pub(super) static WRITES: &[Word] = &[word("upsert"), word("batch"), word("lookup"), word("create")];
pub(super) static VERIFIES: &[Word] = &[word("none"), word("read_back")];
pub(super) static ALTERED_ANSWERS: &[Word] = &[word("warn"), word("dead_letter")];
pub(super) static MANUAL: &[Word] = &[word("manual")];
pub(super) static MISSING_ANSWERS: &[Word] = &[word("ignore"), word("delete")];
pub(super) static KEY_TYPES: &[Word] = &[word("any"), word("text"), word("integer")];
pub(super) static INSTANCES: &[Word] = &[word("instances")];
pub(super) static NO_PAGES: &[Word] = &[word("none")];

/// How a path is mended that does not say which record it is for.
pub(super) const REST_PATH_HINT: &str = "put the record's id into it, such as `\"/contacts/{{ id }}\"`";
