//! A system in the process that answers by a closure, and jobs to ask it with.

use crate::connect::http::{Transport, TransportError};
use crate::connect::{Link, Operation, ReadFrom, Write};
use crate::model::{
    Auth, Change, Connection, ConnectionKind, Cursor, DeletePolicy, DestinationStream, Guard, Job, JobDestination,
    JobSource, KeyType, Limits, Masks, Method, Missing, OnOrphan, Paginate, Pointer, RawJson, RecordFields,
    RestConnection, RestDestination, RestRequest, RestSource, RestWrite, RetryRule, Schedule, Secret, SourceStream,
    VersionKind,
};
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

type Answering = dyn Fn(&Request<Bytes>) -> Result<Response<Bytes>, TransportError> + Send + Sync;

pub(super) struct System {
    answering: Box<Answering>,
    pub(super) seen: Mutex<Vec<Request<Bytes>>>,
}

impl System {
    pub(super) fn new(
        answering: impl Fn(&Request<Bytes>) -> Result<Response<Bytes>, TransportError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { answering: Box::new(answering), seen: Mutex::default() })
    }

    /// Always gives the same answer.
    pub(super) fn answers(status: u16, headers: &[(&str, &str)], body: &str) -> Arc<Self> {
        let answer = answer(status, headers, body);
        Self::new(move |_| Ok(answer.clone()))
    }

    /// The `METHOD path?query` of every request.
    pub(super) fn asked(&self) -> Vec<String> {
        let shown = |request: &Request<Bytes>| {
            format!("{} {}", request.method(), request.uri().path_and_query().map_or("", |target| target.as_str()))
        };
        self.seen.lock().iter().map(shown).collect()
    }

    /// The body of the last request.
    pub(super) fn last_body(&self) -> String {
        let seen = self.seen.lock();
        String::from_utf8(seen.last().expect("a request").body().to_vec()).unwrap()
    }
}

#[async_trait]
impl Transport for System {
    async fn send(&self, request: Request<Bytes>, _: Duration, _: u64) -> Result<Response<Bytes>, TransportError> {
        let answer = (self.answering)(&request);
        self.seen.lock().push(request);
        answer
    }
}

pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response<Bytes> {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

pub(super) fn broken(sent: bool) -> TransportError {
    TransportError { sent, timed_out: false, too_large: false, hopeless: false, message: "it broke".to_owned() }
}

pub(super) const TOKEN: &str = "s3cret-token";

pub(super) fn link(system: &Arc<System>) -> Link {
    link_with(system, Some(Auth::Bearer { token: Secret::new(TOKEN) }), &[])
}

pub(super) fn link_with(system: &Arc<System>, auth: Option<Auth>, headers: &[(&str, &str)]) -> Link {
    let rest = RestConnection {
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect(),
        auth,
        max_body: 1024 * 1024,
        ..RestConnection::new("https://shop.example.com/api")
    };
    let connection = Connection {
        id: "shop".into(),
        kind: ConnectionKind::Rest(rest),
        limits: Limits::default(),
        retry: RetryRule::default(),
    };
    Link { connection: Arc::new(connection), transport: system.clone(), masks: Masks::new([Secret::new(TOKEN)]) }
}

pub(super) fn listing(paginate: Paginate) -> RestSource {
    RestSource {
        path: "/customers".to_owned(),
        query: Vec::new(),
        method: Method::Get,
        body: None,
        records: pointer("/data"),
        error: None,
        total: None,
        paginate,
        since_param: None,
        one: None,
        change_log: None,
    }
}

pub(super) fn upserts() -> RestDestination {
    RestDestination {
        write: RestWrite::Upsert(RestRequest {
            method: Method::Put,
            path: "/contacts/{{ id }}".to_owned(),
            body: None,
        }),
        idempotency_header: Some("Idempotency-Key".to_owned()),
        version_header: None,
        id: None,
        one: None,
        delete: Some(RestRequest { method: Method::Delete, path: "/contacts/{{ id }}".to_owned(), body: None }),
    }
}

pub(super) fn job(source: RestSource, destination: RestDestination) -> Job {
    let fields = RecordFields {
        id: vec![pointer("/id")],
        key_type: KeyType::Any,
        version: Some((pointer("/v"), VersionKind::Auto)),
        deleted: None,
        prefix: String::new(),
    };
    Job {
        id: "customers_to_crm".into(),
        description: None,
        enabled: true,
        schedule: Schedule::Manual,
        batch_window: Duration::ZERO,
        max_pages: None,
        max_runtime: None,
        max_attempts: 5,
        delete: DeletePolicy::Hard,
        on_orphan: OnOrphan::Create,
        guard: Guard {
            max_error_fraction: 0.5,
            min_records: 50,
            max_deletes: 1_000,
            max_delete_fraction: 0.2,
            allow_empty: false,
        },
        source: JobSource {
            connection: "shop".into(),
            filter: None,
            sorted: false,
            incremental: None,
            missing: Missing::Ignore,
            fields,
            searchable: Vec::new(),
            webhook: None,
            stream: SourceStream::Rest(source),
        },
        destination: JobDestination {
            connection: "shop".into(),
            changed_fields_only: false,
            soft_delete: None,
            creates: crate::model::Creates::InPlace,
            checks_versions: false,
            verify: None,
            stream: DestinationStream::Rest(destination),
        },
        map: Vec::new(),
        configured: 0,
        source_identity: 0,
    }
}

pub(super) fn write(operation: Operation, id: &str, fields: &str) -> Write {
    let fields = RawJson::parse(fields.to_owned()).unwrap();
    let record = Change { id: id.into(), version: None, deleted: false, body: fields.clone() };
    Write {
        operation,
        id: id.into(),
        destination_id: None,
        fields,
        record,
        idempotency_key: format!("key-{id}"),
        destination_version: None,
    }
}

pub(super) fn pointer(text: &str) -> Pointer {
    Pointer::parse(text).unwrap()
}

pub(super) fn at(cursor: &str) -> ReadFrom {
    ReadFrom { cursor: Some(Cursor(cursor.to_owned())), since: None }
}
