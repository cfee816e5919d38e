//! The names of things: cheap to clone, impossible to mix up.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
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
    /// A job's name as the configuration gives it, with its instance and its part: `name@instance+part`.
    JobId
);
text_id!(
    /// A connection's name as the configuration gives it, or `name@instance`.
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

impl JobId {
    /// The name that the configuration gives it, which all its instances and parts share.
    ///
    /// No name holds `@` or `+`.
    pub fn base(&self) -> &str {
        self.0.split(['@', '+']).next().unwrap_or_default()
    }

    /// Its name where the instance is known anyway: `contacts+a`.
    pub fn base_and_part(&self) -> Cow<'_, str> {
        match (self.instance(), self.part()) {
            (None, _) => Cow::Borrowed(self.as_str()),
            (Some(_), None) => Cow::Borrowed(self.base()),
            (Some(_), Some(part)) => Cow::Owned(format!("{}+{part}", self.base())),
        }
    }

    /// The instance that it is for.
    pub fn instance(&self) -> Option<&str> {
        let (whole, _) = self.0.split_once('+').unwrap_or((&self.0, ""));
        whole.split_once('@').map(|(_, instance)| instance)
    }

    /// True where `name` means this job: by its whole name, by what all instances and parts share, or by what all parts do.
    pub fn is_meant_by(&self, name: &str) -> bool {
        self.as_str() == name || self.base() == name || self.0.split_once('+').is_some_and(|(whole, _)| whole == name)
    }

    /// Which of the systems it reads that one job gathers.
    pub fn part(&self) -> Option<&str> {
        self.0.split_once('+').map(|(_, part)| part)
    }
}

impl ConnectionId {
    /// The name that the configuration gives it, which all its instances share.
    pub fn base(&self) -> &str {
        self.0.split('@').next().unwrap_or_default()
    }

    /// The instance that it is for.
    pub fn instance(&self) -> Option<&str> {
        self.0.split_once('@').map(|(_, instance)| instance)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_s_name_is_read_apart() {
        let parts = |text: &str| {
            let id = JobId::from(text);
            (id.base().to_owned(), id.instance().map(str::to_owned), id.part().map(str::to_owned))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(parts("contacts"), ("contacts".to_owned(), None, None));
        assert_eq!(parts("contacts@globex"), ("contacts".to_owned(), some("globex"), None));
        assert_eq!(parts("contacts+a"), ("contacts".to_owned(), None, some("a")));
        assert_eq!(parts("contacts@globex+a"), ("contacts".to_owned(), some("globex"), some("a")));
    }

    #[test]
    fn a_name_means_all_jobs_that_share_it() {
        let id = JobId::from("contacts@globex+a");
        assert!(["contacts", "contacts@globex", "contacts@globex+a"].iter().all(|name| id.is_meant_by(name)));
        assert!(["contact", "contacts@glob", "contacts+a", "globex"].iter().all(|name| !id.is_meant_by(name)));
    }
}
