//! The names of things: cheap to clone, impossible to mix up.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }
    };
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

text_id!(
    /// A job's name as the configuration gives it, or `name@instance`.
    JobId
);
text_id!(
    /// A connection's name as the configuration gives it.
    ConnectionId
);
text_id!(
    /// A record's id at the source, as text: `"7"` and `7` are the same id, `"07"` is another.
    ///
    /// A composite id joins its parts by U+001F, which no sane id holds; [`RecordId::shown`] writes it as `a|b`.
    RecordId
);
text_id!(
    /// A record's id at the destination, where the destination gave it one of its own.
    DestinationId
);
number_id!(
    /// A run's number, counted from 1 over all jobs of a state file.
    RunId
);
number_id!(
    /// A dead letter's number, counted from 1 over all jobs of a state file, never used again.
    DeadLetterId
);
number_id!(
    /// The number that a run takes when it begins; a commit that carries an older one is refused,
    /// so a run that was thought dead can not write over its successor's progress.
    Epoch
);
number_id!(
    /// A checkpoint's number, counted from 1 for each job without a gap.
    Sequence
);

impl RecordId {
    /// The mark between the parts of a composite id (ASCII "unit separator").
    pub const SEPARATOR: char = '\u{1f}';

    /// The id as people read it.
    pub fn shown(&self) -> String {
        self.0.replace(Self::SEPARATOR, "|")
    }

    /// The parts of a composite id; a plain id is its only part.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split(Self::SEPARATOR)
    }
}
