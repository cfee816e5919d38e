//! Change logs: an endpoint that tells in order what changed, read behind the last event that was taken.

use super::classify::{Asked, Caller};
use super::envelope::{self, Records};
use super::request::{Call, Client, PathTemplate, answer, pair};
use crate::connect::{ChangeLog, Fault, FaultKind, Link, LogEvent, LogPage, Reply, Signals};
use crate::model::{
    Item, Job, KeyType, Pointer, RawJson, RecordFields, RecordReader, RestLog, RestLogHead, SourceStream,
};
use async_trait::async_trait;
use bytes::Bytes;
use http::Response;
use http::uri::PathAndQuery;
use serde_json::{Value, json};
use std::sync::Arc;

/// A change log over REST, ready to be read.
struct Log {
    client: Client,
    path: PathTemplate,
    rest: RestLog,
    /// Where the events stand, and where the oldest sequence is told.
    places: Vec<Pointer>,
    reader: RecordReader,
    head: Option<(PathTemplate, RestLogHead)>,
}

/// The change log of `job`, where it has one; the reason when its templates can not be used.
pub(super) fn change_log(job: &Job, link: &Link) -> Result<Option<Arc<dyn ChangeLog>>, String> {
    let SourceStream::Rest(source) = &job.source.stream;
    let Some(rest) = &source.change_log else { return Ok(None) };
    let mut places = vec![rest.records.clone()];
    places.extend(rest.oldest.clone());
    let head = rest.head.clone().map(|head| Ok::<_, String>((PathTemplate::compile(&head.path)?, head))).transpose()?;
    let fields = RecordFields {
        id: rest.id.clone(),
        key_type: KeyType::Any,
        version: None,
        deleted: None,
        prefix: job.source.fields.prefix.clone(),
    };
    Ok(Some(Arc::new(Log {
        client: Client::new(link)?,
        path: PathTemplate::compile(&rest.path)?,
        rest: rest.clone(),
        places,
        reader: RecordReader::new(&fields),
        head,
    })))
}

impl Log {
    fn caller(&self) -> &Caller {
        &self.client.caller
    }

    fn target(&self, path: &PathTemplate, query: &[(String, String)]) -> Result<PathAndQuery, Fault> {
        let pairs: Vec<String> = query.iter().map(|(name, value)| pair(name, value)).collect();
        path.render(&json!({}))
            .and_then(|path| self.client.target(&path, &pairs))
            .map_err(|reason| self.caller().fault(FaultKind::Fatal, &reason, &format!("GET {}", path.text())))
    }

    async fn get(
        &self,
        target: Result<PathAndQuery, Fault>,
        cursor_sent: bool,
    ) -> (Result<(String, Response<Bytes>), Fault>, Signals) {
        let target = match target {
            Ok(target) => target,
            Err(fault) => return (Err(fault), Signals::default()),
        };
        let request = self.client.describe(&http::Method::GET, &target);
        let call = Call {
            asked: Asked::Page { cursor_sent },
            method: http::Method::GET,
            target,
            body: Bytes::new(),
            headers: Vec::new(),
        };
        let (answered, signals) = self.client.send(call).await;
        (answered.map(|response| (request, response)), signals)
    }

    fn page(&self, after: Option<&str>, request: &str, response: &Response<Bytes>) -> Result<LogPage, Fault> {
        let body = response.body();
        let unusable = |what: &str| self.caller().not_json(what, request, answer(response));
        let text = std::str::from_utf8(body).map_err(|_| unusable("the answer is not UTF-8"))?;
        let places: Vec<&[String]> = self.places.iter().map(Pointer::steps).collect();
        let envelope = envelope::open(text, &places)
            .map_err(|error| unusable(&format!("the answer is not whole JSON ({error})")))?;
        let events = match &envelope.records {
            Records::Array(events) => events,
            Records::Missing => return Err(unusable("the answer holds no list of events")),
            Records::Other(what) => return Err(unusable(&format!("{what} where the list of events should be"))),
        };
        if let (Some(after), Some(oldest)) = (after, envelope.values[0])
            && let (Ok(after), Ok(oldest)) = (after.parse::<i128>(), oldest.get().trim_matches('"').parse::<i128>())
            && after + 1 < oldest
        {
            let what = format!("the change log begins at sequence {oldest}, and was read up to {after}");
            return Err(Fault {
                cursor_expired: true,
                ..self.caller().unusable(FaultKind::Fatal, &what, request, answer(response))
            });
        }
        let events = events.iter().map(|event| self.event(&RawJson::inside(body, event)));
        let events = events.collect::<Result<Vec<_>, String>>();
        let events = events.map_err(|why| self.caller().unusable(FaultKind::Fatal, &why, request, answer(response)))?;
        Ok(LogPage { events })
    }

    /// One event. An event without a sequence or an id could be of any record, so nothing after it can be taken.
    fn event(&self, event: &RawJson) -> Result<LogEvent, String> {
        let record = match self.reader.read(event.clone()) {
            Item::Change(change) => change.id,
            Item::Unreadable { reason, .. } => return Err(format!("an event of the change log has {reason}")),
        };
        let sequence = text_at(&self.rest.sequence, event)
            .ok_or_else(|| format!("an event of the change log has no sequence at `{}`", self.rest.sequence))?;
        let kind = self.rest.kind.as_ref().and_then(|kind| text_at(kind, event));
        let is_delete = kind.is_some_and(|kind| self.rest.deleted.contains(&kind));
        Ok(LogEvent { sequence, record, is_delete })
    }
}

/// A text or a number as it was written.
fn text_at(place: &Pointer, json: &RawJson) -> Option<String> {
    let found = place.find(json).ok().flatten()?;
    match found.to_value().ok()? {
        Value::String(text) => Some(text).filter(|text| !text.is_empty()),
        Value::Number(_) => Some(found.as_str().to_owned()),
        _ => None,
    }
}

#[async_trait]
impl ChangeLog for Log {
    async fn read(&self, after: Option<&str>) -> Reply<LogPage> {
        let mut query = self.rest.query.clone();
        query.extend(after.map(|after| (self.rest.param.clone(), after.to_owned())));
        let (answered, signals) = self.get(self.target(&self.path, &query), after.is_some()).await;
        let outcome = answered.and_then(|(request, response)| self.page(after, &request, &response));
        Reply { outcome, signals }
    }

    async fn head(&self) -> Reply<Option<String>> {
        let Some((path, head)) = &self.head else {
            return Reply { outcome: Ok(None), signals: Signals::default() };
        };
        let (answered, signals) = self.get(self.target(path, &[]), false).await;
        let outcome = answered.and_then(|(request, response)| {
            let unusable = |what: &str| self.caller().not_json(what, &request, answer(&response));
            let whole = RawJson::parse(response.body().clone())
                .map_err(|error| unusable(&format!("the answer is not whole JSON ({error})")))?;
            Ok(text_at(&head.sequence, &whole))
        });
        Reply { outcome, signals }
    }

    fn has_head(&self) -> bool {
        self.head.is_some()
    }
}
