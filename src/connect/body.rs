//! The body of an answer: never larger, slower or more inflated than it may be.

use super::http::{TransportError, broken, place};
use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::io::StreamReader;
use url::Url;

/// What is set aside at once for an answer that tells its length.
const RESERVED_MAX: u64 = 1024 * 1024;
/// What inflates to no more than this may do so from as little as it likes: it fills no memory.
const RATIO_FREE: u64 = 1024 * 1024;

/// What an answer may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// In bytes after decompression.
    pub(super) max_body: u64,
    /// How many times what was sent it may inflate to.
    pub(super) max_ratio: u32,
    /// The longest wait for its next byte.
    pub(super) idle: Duration,
}

/// The codings that are asked for, and understood.
pub(super) const ACCEPTED: HeaderValue = HeaderValue::from_static("gzip, br, zstd, deflate");

/// Waits for the next part of an answer, no longer than it may be silent.
pub(super) async fn heard<T>(
    part: impl Future<Output = reqwest::Result<T>>,
    idle: Duration,
    url: &Url,
) -> Result<T, TransportError> {
    match tokio::time::timeout(idle, part).await {
        Ok(part) => part.map_err(|error| broken(&error, url)),
        Err(_) => Err(TransportError {
            sent: true,
            timed_out: true,
            too_large: false,
            hopeless: false,
            message: format!("`{}` was silent for {} s", place(url), idle.as_secs_f64()),
        }),
    }
}

/// Reads the whole body, counting inflated bytes while they come, so that a small answer can not become a large one.
/// `headers` are those of the answer; what they say of its coding is taken from them.
pub(super) async fn read(
    response: reqwest::Response,
    headers: &mut HeaderMap,
    bounds: Bounds,
    url: &Url,
) -> Result<Bytes, TransportError> {
    let told = response.content_length();
    if told.is_some_and(|length| length > bounds.max_body) {
        return Err(too_large(bounds.max_body));
    }
    match headers.get(CONTENT_ENCODING).and_then(coding) {
        None => read_plain(response, told, bounds, url).await,
        Some(decoder) => {
            headers.remove(CONTENT_ENCODING);
            headers.remove(CONTENT_LENGTH);
            inflate(decoder, response, bounds, url).await
        }
    }
}

async fn read_plain(
    mut response: reqwest::Response,
    told: Option<u64>,
    bounds: Bounds,
    url: &Url,
) -> Result<Bytes, TransportError> {
    let Some(first) = heard(response.chunk(), bounds.idle, url).await? else { return Ok(Bytes::new()) };
    let mut length = first.len() as u64;
    if length > bounds.max_body {
        return Err(too_large(bounds.max_body));
    }
    let Some(mut next) = heard(response.chunk(), bounds.idle, url).await? else { return Ok(first) };
    // Only an answer in several pieces is copied together.
    let reserved = told.unwrap_or(0).clamp(length, RESERVED_MAX.max(length));
    let mut whole = BytesMut::with_capacity(usize::try_from(reserved).unwrap_or(0));
    whole.extend_from_slice(&first);
    loop {
        length += next.len() as u64;
        if length > bounds.max_body {
            return Err(too_large(bounds.max_body));
        }
        whole.extend_from_slice(&next);
        match heard(response.chunk(), bounds.idle, url).await? {
            Some(more) => next = more,
            None => return Ok(whole.freeze()),
        }
    }
}

type Compressed = Pin<Box<dyn tokio::io::AsyncBufRead + Send>>;
type Decoder = fn(Compressed) -> Pin<Box<dyn AsyncRead + Send>>;

/// What undoes a coding; none for one that nobody asked for, whose answer is left as it is.
fn coding(named: &HeaderValue) -> Option<Decoder> {
    let named = named.to_str().ok()?.trim().to_ascii_lowercase();
    Some(match named.as_str() {
        "gzip" | "x-gzip" => |compressed| {
            let mut decoder = GzipDecoder::new(compressed);
            decoder.multiple_members(true);
            Box::pin(decoder)
        },
        "br" => |compressed| Box::pin(BrotliDecoder::new(compressed)),
        "zstd" => |compressed| {
            let mut decoder = ZstdDecoder::new(compressed);
            decoder.multiple_members(true);
            Box::pin(decoder)
        },
        "deflate" => |compressed| Box::pin(ZlibDecoder::new(compressed)),
        _ => return None,
    })
}

async fn inflate(
    decoder: Decoder,
    mut response: reqwest::Response,
    bounds: Bounds,
    url: &Url,
) -> Result<Bytes, TransportError> {
    // An answer without content has none that could be undone.
    let Some(first) = heard(response.chunk(), bounds.idle, url).await? else { return Ok(Bytes::new()) };
    let sent = Arc::new(AtomicU64::new(first.len() as u64));
    let (counted, from) = (sent.clone(), url.clone());
    let rest = futures::stream::try_unfold((response, counted, from), move |(mut response, sent, from)| async move {
        let Some(piece) = heard(response.chunk(), bounds.idle, &from).await? else { return Ok(None) };
        sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
        Ok(Some((piece, (response, sent, from))))
    });
    let first = futures::stream::once(std::future::ready(Ok::<_, TransportError>(first)));
    let pieces = futures::StreamExt::chain(first, rest).map_err(io::Error::other);
    let mut inflated = decoder(Box::pin(StreamReader::new(Box::pin(pieces))));
    let mut whole = BytesMut::with_capacity(64 << 10);
    loop {
        let n = inflated.read_buf(&mut whole).await.map_err(|error| undecodable(&error, url))?;
        let length = whole.len() as u64;
        if length > bounds.max_body {
            return Err(too_large(bounds.max_body));
        }
        if length > RATIO_FREE && length / u64::from(bounds.max_ratio) > sent.load(Ordering::Relaxed) {
            let message = format!("the answer inflates to more than {} times its length", bounds.max_ratio);
            return Err(TransportError { message, ..too_large(bounds.max_body) });
        }
        if n == 0 {
            return Ok(whole.freeze());
        }
    }
}

/// What reading the pieces met, or what they are not.
fn undecodable(error: &io::Error, url: &Url) -> TransportError {
    let met = error.get_ref().and_then(|inner| inner.downcast_ref::<TransportError>());
    met.cloned().unwrap_or_else(|| TransportError {
        sent: true,
        timed_out: false,
        too_large: false,
        hopeless: false,
        message: format!("the answer of `{}` can not be inflated: {error}", place(url)),
    })
}

fn too_large(max_body: u64) -> TransportError {
    TransportError {
        sent: true,
        timed_out: false,
        too_large: true,
        hopeless: false,
        message: format!("the answer is larger than {max_body} bytes"),
    }
}
