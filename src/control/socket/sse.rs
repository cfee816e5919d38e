//! Server-sent events: written by the server, read by the client, as much of them as both need.

use std::fmt;

/// The most bytes of one event. A snapshot is bounded far below it.
const EVENT_MAX: usize = 64 << 20;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub name: String,
    pub data: String,
}

/// An event whose data is one line, as JSON is.
pub(super) fn written(name: &str, data: &str) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

/// Sent where nothing happens, so that a silent engine is told from an idle one.
pub(super) const ALIVE: &str = ":\n\n";

/// Puts events together from the pieces in which they arrive.
#[derive(Default)]
pub(super) struct Reader {
    buffer: Vec<u8>,
}

/// An event that is longer than any that is sent.
#[derive(Debug)]
pub(super) struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an event of more than {EVENT_MAX} bytes")
    }
}

impl Reader {
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() > EVENT_MAX { Err(TooLong) } else { Ok(()) }
    }

    /// The next whole event; comments are passed over.
    pub fn next(&mut self) -> Option<Event> {
        loop {
            let end = self.buffer.windows(2).position(|pair| pair == b"\n\n")?;
            let rest = self.buffer.split_off(end + 2);
            let bytes = std::mem::replace(&mut self.buffer, rest);
            let text = String::from_utf8_lossy(&bytes);
            let field = |name: &str| {
                text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(|rest| rest.trim_start())
            };
            if let Some(data) = field("data") {
                return Some(Event { name: field("event").unwrap_or("message").to_owned(), data: data.to_owned() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_whatever_pieces_they_come_in() {
        let text = format!("{}{ALIVE}{}", written("snapshot", r#"{"at":1}"#), written("end", "{}"));
        for size in 1..text.len() {
            let mut reader = Reader::default();
            let mut events = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                reader.push(piece).expect("short events");
                events.extend(std::iter::from_fn(|| reader.next()));
            }
            let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
            assert_eq!(names, ["snapshot", "end"], "in pieces of {size}");
            assert_eq!(events[0].data, r#"{"at":1}"#);
        }
    }
}
