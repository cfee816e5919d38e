//! Signing in: when a token is asked for, once for all jobs of a connection, and saved before it is used.

use super::limit::Gate;
use super::seal::Seal;
use crate::connect::oauth2::{self, Bearer, Granted};
use crate::connect::{Fault, FaultKind, Link, Reply, Signals};
use crate::model::{Auth, Clock, ConnectionKind, KeptToken, OAuth2, Secret, Timestamp, TokenStatus};
use crate::store::Store;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A token is renewed so long before it expires …
const AHEAD_MAX: Duration = Duration::from_secs(30);
/// … or, where its life is short, this part of it before.
const AHEAD_PART: u32 = 10;
/// While the present token holds, a failed renewal is tried again after this, and so is one that brought a useless token.
const AGAIN_MS: i64 = 5_000;

/// The sign-in of one connection.
pub(super) struct SignIn {
    /// With the bare transport, which carries no token.
    link: Link,
    oauth: OAuth2,
    bearer: Arc<Bearer>,
    store: Store,
    clock: Arc<dyn Clock>,
    seal: Seal,
    /// Held by the one that asks for a token, while the others wait for what it brings.
    turn: tokio::sync::Mutex<Turn>,
    /// Requests for a token that ended.
    ended: AtomicU64,
    times: Mutex<Times>,
}

#[derive(Default)]
struct Turn {
    is_loaded: bool,
    refresh: Option<Secret>,
    /// Given, and not saved yet: it is saved before anything is asked for again, because the one before it may be dead.
    unsaved: Option<Tokens>,
    /// What the last request for a token met.
    fault: Option<Fault>,
    /// The present token was asked for because the one before it was refused.
    for_refusal: bool,
}

/// When to renew: what every request looks at.
#[derive(Clone, Default)]
struct Times {
    status: TokenStatus,
    renew_at: Option<Timestamp>,
    /// A failed renewal is not tried again before then, as long as the present token holds.
    not_before: Option<Timestamp>,
    /// The present token was asked for because the one before it was refused.
    is_after_refusal: bool,
}

#[derive(Clone, Serialize, Deserialize)]
struct Tokens {
    access: String,
    refresh: Option<String>,
    expires_at: Option<Timestamp>,
    at: Timestamp,
    /// Those that the access token was asked for with.
    scopes: Vec<String>,
}

impl SignIn {
    /// The sign-in of `link`, whose requests carry its token from then on. None where it has none.
    pub(super) fn of(link: &mut Link, store: &Store, clock: &Arc<dyn Clock>) -> Option<Self> {
        let ConnectionKind::Rest(rest) = &link.connection.kind;
        let Some(Auth::OAuth2(oauth)) = &rest.auth else { return None };
        let (oauth, bearer) = ((**oauth).clone(), Arc::new(Bearer::default()));
        let bare = link.clone();
        link.transport = oauth2::signed(bare.transport.clone(), bearer.clone());
        Some(Self {
            seal: Seal::new(&link.connection.id, &oauth),
            link: bare,
            oauth,
            bearer,
            store: store.clone(),
            clock: clock.clone(),
            turn: tokio::sync::Mutex::default(),
            ended: AtomicU64::new(0),
            times: Mutex::default(),
        })
    }

    pub(super) fn status(&self) -> TokenStatus {
        self.times.lock().status.clone()
    }

    /// Takes up what the state keeps, so that a restart signs in no more often than it must.
    pub(super) async fn take_up(&self) {
        let mut turn = self.turn.lock().await;
        self.load(&mut turn).await;
    }

    /// There is a token that holds when this returns.
    async fn ensure(&self, gate: &Gate) -> Result<(), Unsigned> {
        match self.need() {
            Need::Nothing => Ok(()),
            need => self.renew(gate, need).await,
        }
    }

    fn need(&self) -> Need {
        let times = self.times.lock().clone();
        let now = self.clock.now();
        if times.status.since.is_none() || self.bearer.is_refused() {
            return Need::Now;
        }
        if times.status.expires_at.is_some_and(|at| at <= now) {
            return Need::Now;
        }
        let is_soon = times.renew_at.is_some_and(|at| at <= now) && times.not_before.is_none_or(|at| at <= now);
        if is_soon { Need::Soon } else { Need::Nothing }
    }

    /// Asks for a new token, unless another caller did so meanwhile: its success serves all, and so does its failure.
    async fn renew(&self, gate: &Gate, need: Need) -> Result<(), Unsigned> {
        let ended = self.ended.load(Ordering::Acquire);
        let mut turn = self.turn.lock().await;
        self.load(&mut turn).await;
        if matches!(self.need(), Need::Nothing) {
            return Ok(());
        }
        if self.is_useless(&turn) {
            return Err(Unsigned { fault: oauth2::useless(&self.link, &self.oauth), asked: None });
        }
        let failed = match &turn.fault {
            Some(fault) if self.ended.load(Ordering::Acquire) != ended => {
                Err(Unsigned { fault: fault.clone(), asked: None })
            }
            _ => {
                turn.for_refusal = self.bearer.is_refused();
                let asked = self.ask(gate, &mut turn).await;
                self.ended.fetch_add(1, Ordering::AcqRel);
                turn.fault = asked.as_ref().err().map(|unsigned| unsigned.fault.clone());
                asked
            }
        };
        let mut times = self.times.lock();
        times.status.problem = failed.as_ref().err().map(|unsigned| unsigned.fault.message.clone());
        times.is_after_refusal |= failed.is_ok() && turn.for_refusal;
        match failed {
            // The present one holds still, and the token endpoint may be back before it expires.
            Err(Unsigned { fault, asked }) if matches!(need, Need::Soon) && fault.kind != FaultKind::Fatal => {
                times.not_before = Some(Timestamp(self.clock.now().0 + AGAIN_MS));
                drop(times);
                asked.iter().for_each(|signals| gate.answered_beside(signals));
                Ok(())
            }
            other => other,
        }
    }

    /// After a 401 to a request with the token of that number: true when it is to be made once more, with another token.
    async fn again(&self, gate: &Gate, fault: &Fault, token: u64) -> Result<bool, Unsigned> {
        if !is_refusal(fault) {
            return Ok(false);
        }
        self.bearer.refuse(token);
        if self.bearer.is_refused() {
            // What was asked for because of a refusal, and is refused itself, shows that no new one helps.
            let is_hopeless = self.turn.lock().await.for_refusal && !self.bearer.has_worked();
            if is_hopeless && self.bearer.is_refused() {
                return Ok(false);
            }
            self.renew(gate, Need::Now).await?;
        }
        Ok(true)
    }

    /// The present token was asked for because the one before it was refused, and was just refused itself: no run of
    /// requests asks for one more each.
    fn is_useless(&self, turn: &Turn) -> bool {
        let since = self.times.lock().status.since;
        let is_new = since.is_some_and(|since| self.clock.now().0 - since.0 < AGAIN_MS);
        is_new && turn.for_refusal && !self.bearer.has_worked() && self.bearer.is_refused()
    }

    /// Some records of an answer were refused for the token of that number. A token that was asked for a moment ago for the
    /// same reason does not help: no run of batches asks for one more each.
    fn refused_in_part(&self, token: u64) {
        let times = self.times.lock().clone();
        let is_new = times.status.since.is_some_and(|since| self.clock.now().0 - since.0 < AGAIN_MS);
        if !(times.is_after_refusal && is_new) {
            self.bearer.refuse(token);
        }
    }

    async fn load(&self, turn: &mut Turn) {
        if std::mem::replace(&mut turn.is_loaded, true) {
            return;
        }
        turn.refresh.clone_from(&self.oauth.refresh_token);
        let id = &self.link.connection.id;
        let kept = match self.store.token(id).await {
            Ok(kept) => kept,
            Err(error) => {
                tracing::warn!(connection = %id, %error, "kept tokens can not be read");
                return;
            }
        };
        let Some(plain) = kept.and_then(|kept| self.seal.open(&kept.sealed)) else { return };
        let Ok(tokens) = serde_json::from_slice::<Tokens>(&plain) else { return };
        for text in tokens.refresh.iter().chain([&tokens.access]) {
            self.link.masks.add(Secret::new(&**text));
        }
        if self.oauth.refresh_token.is_some() {
            turn.refresh = tokens.refresh.clone().map(Secret::new).or_else(|| turn.refresh.take());
        }
        if tokens.scopes == self.oauth.scopes {
            self.use_token(&tokens);
        }
    }

    /// One request for a token; what it brings is durable before it is used.
    async fn ask(&self, gate: &Gate, turn: &mut Turn) -> Result<(), Unsigned> {
        if let Some(tokens) = turn.unsaved.take() {
            return self.keep(turn, tokens).await.map_err(|fault| Unsigned { fault, asked: None });
        }
        let at = self.clock.now();
        let ConnectionKind::Rest(rest) = &self.link.connection.kind;
        gate.take_beside().await;
        let Reply { outcome, signals } =
            oauth2::sign_in(&self.link, &self.oauth, turn.refresh.as_ref(), rest.timeout).await;
        let granted = outcome.map_err(|fault| Unsigned { fault, asked: Some(signals.clone()) })?;
        gate.answered_beside(&signals);
        let Granted { access, refresh, expires_in } = granted;
        if refresh.is_some() && self.oauth.refresh_token.is_some() {
            turn.refresh = refresh;
        }
        let tokens = Tokens {
            access: access.expose().to_owned(),
            refresh: turn.refresh.as_ref().map(|token| token.expose().to_owned()),
            expires_at: expires_in.map(|life| at.plus(life)),
            at,
            scopes: self.oauth.scopes.clone(),
        };
        self.keep(turn, tokens).await.map_err(|fault| Unsigned { fault, asked: None })
    }

    async fn keep(&self, turn: &mut Turn, tokens: Tokens) -> Result<(), Fault> {
        let id = &self.link.connection.id;
        let plain = serde_json::to_vec(&tokens).expect("texts and numbers are always JSON");
        let saved = match self.seal.close(&plain) {
            Some(sealed) => {
                let kept = KeptToken { sealed, at: tokens.at };
                self.store.keep_token(id, kept).await.map_err(|error| error.to_string())
            }
            None => Err("this machine gives no random numbers".to_owned()),
        };
        if let Err(reason) = saved {
            turn.unsaved = Some(tokens);
            let message = format!("the new token of `{id}` could not be saved, so it is not used: {reason}");
            return Err(Fault { message, ..super::read::plain_fault(FaultKind::Transient) });
        }
        tracing::info!(connection = %id, "signed in");
        self.use_token(&tokens);
        Ok(())
    }

    fn use_token(&self, tokens: &Tokens) {
        // It was seen to be one that a header carries when it came.
        if self.bearer.set(&Secret::new(&*tokens.access)).is_err() {
            return;
        }
        let renew_at = tokens.expires_at.map(|at| {
            let life = at.since(tokens.at);
            at.minus(AHEAD_MAX.min(life / AHEAD_PART))
        });
        let status = TokenStatus { since: Some(tokens.at), expires_at: tokens.expires_at, problem: None };
        *self.times.lock() = Times { status, renew_at, not_before: None, is_after_refusal: false };
    }
}

#[derive(Clone, Copy)]
enum Need {
    Nothing,
    /// The present one holds for a moment longer.
    Soon,
    Now,
}

/// Why there is no token to send.
struct Unsigned {
    fault: Fault,
    /// What the request for one brought, where one was made and is not counted yet.
    asked: Option<Signals>,
}

/// The system refuses the credentials of a request, or of one record in it.
fn is_refusal(fault: &Fault) -> bool {
    fault.status == Some(401) && fault.kind == FaultKind::Fatal
}

impl Gate {
    /// Makes a request whose permit is held: with a token where the connection signs in, and once more with a new one
    /// where the system refuses it.
    pub(super) async fn call<T, F>(&self, request: impl Fn() -> F) -> Reply<T>
    where
        F: Future<Output = Reply<T>>,
    {
        self.call_parts(request, |_| false).await
    }

    /// As [`Gate::call`], for an answer of many parts. Where `refuses` tells that some of them refuse the token, the next
    /// call signs in anew.
    pub(super) async fn call_parts<T, F>(&self, request: impl Fn() -> F, refuses: impl Fn(&T) -> bool) -> Reply<T>
    where
        F: Future<Output = Reply<T>>,
    {
        let Some(sign_in) = &self.sign_in else { return request().await };
        if let Err(Unsigned { fault, asked }) = sign_in.ensure(self).await {
            return Reply { outcome: Err(fault), signals: asked.unwrap_or_default() };
        }
        let token = sign_in.bearer.number();
        let reply = request().await;
        let fault = match &reply.outcome {
            Ok(told) => {
                if refuses(told) {
                    sign_in.refused_in_part(token);
                }
                return reply;
            }
            Err(fault) => fault,
        };
        match sign_in.again(self, fault, token).await {
            Ok(true) => {
                self.take_beside().await;
                self.answered_beside(&reply.signals);
                request().await
            }
            Ok(false) => reply,
            Err(Unsigned { fault, asked }) => {
                asked.iter().for_each(|signals| self.answered_beside(signals));
                Reply { outcome: Err(fault), signals: reply.signals }
            }
        }
    }

    /// True where a new token may help a record that the system refused as it refuses credentials.
    pub(super) fn may_sign_in_anew(&self, fault: &Fault) -> bool {
        self.sign_in.is_some() && is_refusal(fault)
    }
}
