//! By what a list is sorted, and which way: a key goes on to the next, another turns it round.

use super::app::App;
use std::cmp::Ordering;

/// Something that a list can be sorted by.
pub trait Criterion: Copy + Eq + Default + 'static {
    /// In the order in which a key goes through them; the first is the list's own.
    const ALL: &'static [Self];

    fn word(self) -> &'static str;

    /// The greatest stands first until a person turns it round.
    fn is_greatest_first(self) -> bool;
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort<C> {
    pub by: C,
    is_reversed: bool,
}

impl<C: Criterion> Sort<C> {
    pub fn go_on(&mut self) {
        let at = C::ALL.iter().position(|one| *one == self.by).unwrap_or(0);
        *self = Self { by: C::ALL[(at + 1) % C::ALL.len()], is_reversed: false };
    }

    pub fn reverse(&mut self) {
        self.is_reversed = !self.is_reversed;
    }

    /// As the list is without a person's choice.
    pub fn is_own(&self) -> bool {
        *self == Self::default()
    }

    /// `state ↑`: the arrow points to where the greater ones stand.
    pub fn words(&self) -> String {
        let arrow = if self.by.is_greatest_first() == self.is_reversed { "↑" } else { "↓" };
        format!("{} {arrow}", self.by.word())
    }

    /// The order on the screen of two rows whose values stand to each other as `values`.
    pub fn order(&self, values: Ordering) -> Ordering {
        if self.by.is_greatest_first() == self.is_reversed { values } else { values.reverse() }
    }
}

/// Says by what the list is sorted from now on.
pub fn tell<C: Criterion>(app: &mut App, sort: Sort<C>) {
    app.note(format!("sorted by {}", sort.words()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    enum By {
        #[default]
        Name,
        Count,
    }

    impl Criterion for By {
        const ALL: &'static [Self] = &[Self::Name, Self::Count];

        fn word(self) -> &'static str {
            if self == Self::Name { "name" } else { "count" }
        }

        fn is_greatest_first(self) -> bool {
            self == Self::Count
        }
    }

    #[test]
    fn it_goes_through_all_and_each_can_be_turned_round() {
        let mut sort = Sort::<By>::default();
        assert_eq!((sort.words().as_str(), sort.order(Ordering::Less)), ("name ↑", Ordering::Less));
        sort.reverse();
        assert_eq!((sort.words().as_str(), sort.order(Ordering::Less)), ("name ↓", Ordering::Greater));
        sort.go_on();
        assert_eq!((sort.words().as_str(), sort.order(Ordering::Less)), ("count ↓", Ordering::Greater));
        sort.reverse();
        assert_eq!((sort.words().as_str(), sort.order(Ordering::Less)), ("count ↑", Ordering::Less));
        sort.go_on();
        assert!(sort.is_own());
    }
}
