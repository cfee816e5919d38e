//! Writes that take more than one request: a record is looked for before it is made, a create whose answer was lost is
//! settled before it is sent again, a refused version is looked at, and what was written is read back.

use super::deliver::{Altered, Delivered, Deliverer, Ended, Pending, WriteEnd};
use super::read::plain_fault;
use crate::connect::{Fault, FaultKind, Operation, RecordFault, Reply, Signals, Standing, Write, Written};
use crate::model::mapping::fingerprint;
use crate::model::plan::found_key;
use crate::model::{
    Creates, DestinationId, Fingerprint, Intent, Level, Link, OnAltered, RawJson, Timestamp, differing, field_values,
    projected,
};

/// How often a record that changed at the destination is looked at again before a person is asked.
const REREADS_MAX: u32 = 3;

/// What is to be known of a write that may take more than one request.
pub(super) struct Care {
    pub next: Next,
    /// A request that makes the record may have been carried out, and nobody saw it.
    pub in_doubt: bool,
    /// The intent of an earlier run that is still open.
    pub open: Option<Intent>,
    /// All mapped fields.
    pub fields: RawJson,
    pub fingerprint: Fingerprint,
    /// What was last written.
    pub link: Option<Link>,
    pub rereads: u32,
    /// Its own id at the destination, found out on the way: whatever becomes of the write, its link is to keep it.
    pub learnt: Option<DestinationId>,
    /// It is confirmed already; what follows only looks.
    pub delivered: Option<Delivered>,
}

/// The next request of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// To be chosen: a create of an earlier run is open.
    Settle,
    Send,
    /// The create of an earlier run once more, word by word and under its key.
    Replay,
    /// Is it there, and under which id?
    Find,
    /// How does it stand there, now that its version was refused?
    Reread,
    /// Is it kept as it was sent?
    ReadBack,
}

/// What a request brought.
pub(super) enum Heard {
    Written(Vec<Result<Written, Fault>>),
    Found(Vec<DestinationId>),
    Standing(Option<Standing>),
}

/// How a record goes on.
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made")]
pub(super) enum Turn {
    End(Ended),
    Next(Pending),
}

/// What a fault means for a record.
pub(super) enum Weighed {
    As(Turn),
    /// What it means for every other one.
    Usual(Pending),
}

/// The means by which a create in doubt is settled.
enum Means {
    Key,
    Lookup,
    /// It is sent again, whatever stands there.
    Blind,
    Person,
}

impl Pending {
    fn care(&mut self) -> &mut Care {
        self.care.as_mut().expect("only records that need care come here")
    }

    /// As it goes on when its record is known to stand at the destination under `id`.
    fn stands_as(mut self, id: DestinationId) -> Self {
        if self.write.operation == Operation::Create {
            self.write.operation = Operation::Update;
            self.write.idempotency_key = found_key(&self.write.idempotency_key);
            self.write.fields = self.care().fields.clone();
        }
        self.care().learnt = Some(id.clone());
        self.write.destination_id = Some(id);
        self.write.destination_version = None;
        let care = self.care();
        care.in_doubt = false;
        care.open = None;
        care.next = Next::Send;
        self
    }

    fn confirmed(self, delivered: Delivered) -> Turn {
        Turn::End(self.end(WriteEnd::Confirmed(delivered)))
    }
}

impl Deliverer {
    /// Chooses the first request of a record, or the next one of a create in doubt whose key may have expired meanwhile.
    pub(super) fn begin(&self, mut pending: Pending) -> Turn {
        let operation = pending.write.operation;
        let care = pending.care();
        let is_nowhere = care.next == Next::Send && !care.link.as_ref().is_some_and(Link::is_live);
        if is_nowhere && operation != Operation::Create && pending.write.destination_id.is_none() && self.makes_ids() {
            // Every create that may have arrived is noted, and none of this record is: there is nothing to delete.
            return Turn::End(pending.failed(gone("nothing of it was ever made at the destination"), false));
        }
        let care = pending.care();
        let is_again = care.next == Next::Send && care.in_doubt && operation == Operation::Create;
        if care.next != Next::Settle && !is_again {
            return Turn::Next(pending);
        }
        match self.means(&pending) {
            Means::Key if is_again => Turn::Next(pending),
            Means::Key => Turn::Next(self.under_its_key(pending)),
            Means::Lookup => {
                pending.care().next = Next::Find;
                Turn::Next(pending)
            }
            Means::Blind => {
                pending.care().next = Next::Send;
                Turn::Next(pending)
            }
            Means::Person => {
                let message = "a create of it was sent, and its answer never came".to_owned();
                self.ask_a_person(pending, Fault { message, ..plain_fault(FaultKind::Unknown) })
            }
        }
    }

    /// Makes the intent of a create durable that was settled as absent and is about to be sent anew. False when it can not
    /// be saved; then nothing is sent.
    pub(super) async fn promise_anew(&self, group: &mut [Pending]) -> bool {
        let [pending] = group else { return true };
        let is_sending = pending.care.as_ref().is_some_and(|care| care.next == Next::Send);
        if pending.is_promised || !is_sending || pending.write.operation != Operation::Create {
            return true;
        }
        let Some(intent) = &mut pending.promise else { return true };
        intent.at = self.clock.now();
        let intents = vec![(pending.write.id.clone(), intent.clone())];
        pending.is_promised = self.store.note_intents(&self.cell.spec.id, intents, Vec::new()).await.is_ok();
        pending.is_promised
    }

    fn makes_ids(&self) -> bool {
        self.cell.spec.destination.creates.makes_ids()
    }

    fn means(&self, pending: &Pending) -> Means {
        let unknowns = match self.cell.spec.destination.creates {
            Creates::Once(unknowns) => unknowns,
            Creates::InPlace | Creates::LookedUp => return Means::Lookup,
        };
        let open = pending.care.as_ref().and_then(|care| care.open.as_ref());
        let noted = open.or(pending.promise.as_ref());
        let is_fresh = |at: Timestamp| unknowns.key.is_some_and(|expires| self.clock.now().since(at) < expires);
        let is_repeatable = open.is_none_or(|open| {
            let is_same = pending.care.as_ref().is_some_and(|care| self.is_same(pending, care));
            open.configured == self.cell.spec.configured && (is_same || open.sent.is_some())
        });
        if noted.is_some_and(|intent| is_fresh(intent.at)) && is_repeatable {
            Means::Key
        } else if unknowns.lookup {
            Means::Lookup
        } else if unknowns.at_least_once {
            Means::Blind
        } else {
            Means::Person
        }
    }

    /// Its create is sent again, whatever stands there.
    fn is_blind(&self, pending: &Pending) -> bool {
        matches!(self.means(pending), Means::Blind)
    }

    /// True when what may stand there is what is to be written.
    fn is_same(&self, pending: &Pending, care: &Care) -> bool {
        let is_sent = care.open.as_ref().is_none_or(|open| open.fingerprint == care.fingerprint);
        pending.write.operation == Operation::Create && is_sent
    }

    fn under_its_key(&self, mut pending: Pending) -> Pending {
        let is_same = pending.care.as_ref().is_some_and(|care| self.is_same(&pending, care));
        let care = pending.care();
        let key = care.open.as_ref().map(|open| open.key.clone());
        care.next = if is_same { Next::Send } else { Next::Replay };
        if let (true, Some(key)) = (is_same, key) {
            pending.write.idempotency_key = key;
        }
        pending
    }

    /// Makes the next request of a record.
    pub(super) async fn ask(&self, pending: &Pending, care: &Care) -> Reply<Heard> {
        let write = &pending.write;
        match care.next {
            Next::Settle | Next::Send => {
                let reply = self.destination.write(write).await;
                Reply {
                    outcome: reply.outcome.map(|written| Heard::Written(vec![Ok(written)])),
                    signals: reply.signals,
                }
            }
            Next::Replay => {
                let open = care.open.as_ref();
                let again = Write {
                    operation: Operation::Create,
                    destination_id: None,
                    fields: open.and_then(|open| open.sent.clone()).unwrap_or_else(|| write.fields.clone()),
                    idempotency_key: open.map_or_else(|| write.idempotency_key.clone(), |open| open.key.clone()),
                    ..write.clone()
                };
                let reply = self.destination.write(&again).await;
                Reply {
                    outcome: reply.outcome.map(|written| Heard::Written(vec![Ok(written)])),
                    signals: reply.signals,
                }
            }
            Next::Find => {
                let reply = self.destination.find(write).await;
                Reply { outcome: reply.outcome.map(Heard::Found), signals: reply.signals }
            }
            Next::Reread | Next::ReadBack => {
                let id = write.destination_id.as_ref();
                let written = care.delivered.as_ref().and_then(|delivered| delivered.written.destination_id.as_ref());
                let reply = self.destination.read_one(&write.id, written.or(id)).await;
                Reply { outcome: reply.outcome.map(Heard::Standing), signals: reply.signals }
            }
        }
    }

    /// A write was carried out.
    pub(super) fn wrote(&self, mut pending: Pending, mut written: Written, signals: &Signals) -> Turn {
        let creates = self.cell.spec.destination.creates;
        if pending.care().next == Next::Replay {
            return match written.destination_id.take() {
                Some(id) => Turn::Next(pending.stands_as(id)),
                None if creates.can_find() => {
                    pending.care().next = Next::Find;
                    Turn::Next(pending)
                }
                None => {
                    let message = "the answer to its create names no id".to_owned();
                    self.ask_a_person(pending, Fault { message, ..plain_fault(FaultKind::Unknown) })
                }
            };
        }
        let is_made = pending.write.operation == Operation::Create;
        let own = written.destination_id.take().or_else(|| pending.write.destination_id.clone());
        let has_id = own.is_some();
        written.destination_id = own;
        let can_read = self.cell.destination.can_read_one() && pending.write.operation != Operation::Delete;
        let care = pending.care();
        care.in_doubt = false;
        care.open = None;
        care.delivered = Some(Delivered::of(written, signals));
        if is_made && creates.makes_ids() && !has_id {
            let text = "it was made, and the answer names no id of it".to_owned();
            self.teller.tell_record(Level::Warn, "record.no_id", text, &pending.write.id, None);
            if creates.can_find() {
                pending.care().next = Next::Find;
                return Turn::Next(pending);
            }
        }
        if can_read && self.cell.spec.destination.verify.is_some() && (has_id || !creates.makes_ids()) {
            pending.care().next = Next::ReadBack;
            return Turn::Next(pending);
        }
        self.over(pending)
    }

    /// The end of a record that is confirmed.
    fn over(&self, pending: Pending) -> Turn {
        // The delivery that it carries is its end.
        Turn::End(pending.end(WriteEnd::Abandoned))
    }

    /// A record was looked for.
    pub(super) fn found(&self, mut pending: Pending, found: &[DestinationId]) -> Turn {
        let is_create = pending.write.operation == Operation::Create;
        let is_same = pending.care.as_ref().is_some_and(|care| self.is_same(&pending, care));
        let care = pending.care();
        if let Some(delivered) = &mut care.delivered {
            if let [id] = found {
                delivered.written.destination_id = Some(id.clone());
            }
            return self.over(pending);
        }
        match found {
            [] if is_create => {
                care.in_doubt = false;
                care.next = Next::Send;
                if care.open.take().is_some() {
                    // What is sent now is another request than the one that was noted.
                    pending.is_promised = false;
                }
                Turn::Next(pending)
            }
            [] => {
                care.in_doubt = false;
                Turn::End(pending.failed(gone("a lookup finds no such record at the destination"), false))
            }
            [id] if care.in_doubt && is_same => {
                let text = format!("its create had arrived: it is there as {id} and was not sent again");
                self.teller.tell_record(Level::Info, "record.landed", text, &pending.write.id, None);
                let written = Written { destination_id: Some(id.clone()), created: Some(true), ..Written::default() };
                pending.confirmed(Delivered { written, ..Delivered::default() })
            }
            [id] => Turn::Next(pending.stands_as(id.clone())),
            several => {
                let shown: Vec<&str> = several.iter().map(DestinationId::as_str).collect();
                let fault = Fault {
                    record: Some(RecordFault::Ambiguous),
                    message: format!("a lookup finds {} records: {}", several.len(), shown.join(", ")),
                    hint: Some("leave one of them at the destination, then retry the letter".to_owned()),
                    ..plain_fault(FaultKind::Record)
                };
                Turn::End(pending.failed(fault, false))
            }
        }
    }

    /// A record was read as it stands at the destination.
    pub(super) fn stands(&self, mut pending: Pending, standing: Option<&Standing>, signals: &Signals) -> Turn {
        let mapping = &self.cell.mapping;
        let sent = pending.write.fields.clone();
        let care = pending.care();
        if let Some(delivered) = &mut care.delivered {
            if let Some(standing) = standing {
                let altered = |field: String| {
                    let [sent, holds] = field_values(mapping, &field, [&sent, &standing.record]);
                    Altered { field, sent, holds }
                };
                delivered.altered = differing(mapping, &sent, &standing.record).into_iter().map(altered).collect();
            }
            return self.over(pending);
        }
        let Some(standing) = standing else {
            return Turn::End(pending.failed(gone("it is gone at the destination"), false));
        };
        if differing(mapping, &care.fields, &standing.record).is_empty() {
            let text = "it stands at the destination already as it was to be written".to_owned();
            let written = Written {
                destination_id: pending.write.destination_id.clone(),
                destination_version: standing.version.clone(),
                created: Some(false),
            };
            self.teller.tell_record(Level::Info, "record.same", text, &pending.write.id, None);
            return pending.confirmed(Delivered::of(written, signals));
        }
        let changed = changed_there(mapping, care, &standing.record);
        if changed.is_empty() && standing.version.is_some() {
            // Only what is none of ours changed there: what we know is still what the write is made over.
            care.next = Next::Send;
            pending.write.destination_version.clone_from(&standing.version);
            return Turn::Next(pending);
        }
        let shown = match changed.as_slice() {
            [] => "its version is not told".to_owned(),
            fields => format!("`{}` is not as it was last written", fields.join("`, `")),
        };
        let status = pending.attempts.last().and_then(|attempt| attempt.status);
        let fault = Fault {
            record: Some(RecordFault::Conflict),
            status,
            message: format!("changed at the destination: {shown}"),
            ..plain_fault(FaultKind::Record)
        };
        Turn::End(pending.failed(fault, false))
    }

    /// What a fault means for a record that takes more than one request.
    pub(super) fn weigh(&self, mut pending: Pending, fault: &Fault, signals: &Signals) -> Weighed {
        let destination = &self.cell.spec.destination;
        let operation = pending.write.operation;
        let next = pending.care().next;
        let is_making =
            matches!(next, Next::Settle | Next::Send) && operation == Operation::Create || next == Next::Replay;
        match fault.kind {
            FaultKind::Record if next == Next::Replay && !speaks_of_key(fault) => {
                // Had it been carried out, its key would have told so: this very request was always refused.
                let care = pending.care();
                care.in_doubt = false;
                care.open = None;
                care.next = Next::Send;
                pending.is_promised = false;
                Weighed::As(Turn::Next(pending))
            }
            FaultKind::Record if next == Next::Replay => match destination.creates.can_find() {
                true => {
                    pending.care().next = Next::Find;
                    Weighed::As(Turn::Next(pending))
                }
                false => Weighed::As(self.ask_a_person(pending, fault.clone())),
            },
            FaultKind::Record if is_making && pending.care().in_doubt && self.is_blind(&pending) => {
                // Without a key it is another request than the one that got no answer, of which this says nothing.
                let message = format!(
                    "{}; an earlier create of it got no answer, so it may be there all the same",
                    fault.message
                );
                Weighed::As(Turn::End(pending.failed(Fault { message, ..fault.clone() }, false)))
            }
            FaultKind::Record if is_making => {
                if signals.status.is_some() {
                    // It was refused, and so was every request before it under this key.
                    pending.care().in_doubt = false;
                }
                Weighed::Usual(pending)
            }
            FaultKind::Record
                if fault.record == Some(RecordFault::Conflict)
                    && next == Next::Send
                    && operation == Operation::Update
                    && destination.checks_versions
                    && self.cell.destination.can_read_one()
                    && pending.care().rereads < REREADS_MAX =>
            {
                let care = pending.care();
                care.rereads += 1;
                care.next = Next::Reread;
                Weighed::As(Turn::Next(pending))
            }
            FaultKind::Transient | FaultKind::Unknown if is_making && destination.creates.makes_ids() => {
                self.weigh_doubt(pending, fault)
            }
            _ => Weighed::Usual(pending),
        }
    }

    /// A request that makes a record got no answer, or one that does not say whether it was carried out.
    fn weigh_doubt(&self, mut pending: Pending, fault: &Fault) -> Weighed {
        let asks = match self.cell.spec.destination.creates {
            Creates::Once(unknowns) => unknowns.asks(),
            Creates::InPlace | Creates::LookedUp => false,
        };
        // 503 says that the system does not take requests now; where it can not be looked at, that is believed.
        let is_refused = fault.status == Some(503) && asks;
        let may_be_there = fault.kind == FaultKind::Unknown || fault.status.is_some();
        if !may_be_there || is_refused {
            return Weighed::Usual(pending);
        }
        match self.means(&pending) {
            Means::Key => pending.care().in_doubt = true,
            Means::Lookup => {
                let care = pending.care();
                care.in_doubt = true;
                care.next = Next::Find;
            }
            Means::Blind => pending.care().in_doubt = true,
            Means::Person => {
                pending.care().in_doubt = true;
                return Weighed::As(self.ask_a_person(pending, fault.clone()));
            }
        }
        Weighed::Usual(pending)
    }

    fn ask_a_person(&self, mut pending: Pending, fault: Fault) -> Turn {
        let attempts = std::mem::take(&mut pending.attempts);
        let sent = pending.care().open.as_ref().and_then(|open| open.sent.clone());
        Turn::End(pending.end(WriteEnd::Unknown { fault: Box::new(fault), attempts, sent }))
    }
}

/// An answer about the key itself, not about the record.
fn speaks_of_key(fault: &Fault) -> bool {
    let says = |text: &str| text.to_ascii_lowercase().contains("idempot");
    says(&fault.message) || fault.answer.as_deref().is_some_and(says)
}

fn gone(message: &str) -> Fault {
    Fault { record: Some(RecordFault::Gone), message: message.to_owned(), ..plain_fault(FaultKind::Record) }
}

/// The fields of ours that somebody changed at the destination since they were last written.
fn changed_there(mapping: &crate::model::mapping::Mapping, care: &Care, there: &RawJson) -> Vec<String> {
    let last = care.link.as_ref();
    if let Some(fields) = last.and_then(|link| link.fields.as_ref()) {
        return differing(mapping, fields, there);
    }
    let same = projected(&care.fields, there).map(|there| fingerprint(&there));
    if same.is_some() && same == last.and_then(|link| link.written) {
        return Vec::new();
    }
    differing(mapping, &care.fields, there)
}

/// Whether a finding of [`Next::ReadBack`] makes a dead letter.
pub(super) fn is_letter(verify: Option<OnAltered>, altered: &[Altered]) -> bool {
    verify == Some(OnAltered::DeadLetter) && !altered.is_empty()
}
