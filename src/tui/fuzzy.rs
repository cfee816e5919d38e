//! How well a text fits what is typed in a hurry: letters may be left out, words may stand in any order.

/// What one letter counts, where it follows the one before it.
const NEXT: u32 = 3;
/// What it counts at the beginning of a word, over and above.
const BEGINS: u32 = 4;

/// How well `text` fits the words of `typed`, without regard to case; more is better, nothing when some word is not
/// in it. What is typed empty fits everything alike.
pub fn score(typed: &str, text: &str) -> Option<u32> {
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let words = typed.split_whitespace().map(|word| word.chars().flat_map(char::to_lowercase).collect::<Vec<_>>());
    words.map(|word| score_word(&word, &text)).sum()
}

/// A word is found in one piece anywhere, or with gaps when its first letter begins a word: letters strewn over a whole
/// sentence are in nearly every sentence.
fn score_word(word: &[char], text: &[char]) -> Option<u32> {
    (0..text.len()).filter_map(|from| score_from(word, text, from)).max()
}

fn score_from(word: &[char], text: &[char], from: usize) -> Option<u32> {
    let is_begin = begins(text, from);
    if text[from..].starts_with(word) {
        let length = u32::try_from(word.len()).unwrap_or(u32::MAX).min(1_000);
        return Some(2 * NEXT * length + if is_begin { BEGINS } else { 0 });
    }
    if !is_begin || word.first() != text.get(from) {
        return None;
    }
    let (mut at, mut total) = (from, BEGINS);
    for letter in &word[1..] {
        let next = text[at + 1..].iter().position(|other| other == letter)? + at + 1;
        total += if next == at + 1 { NEXT } else { 1 };
        total += if begins(text, next) { BEGINS } else { 0 };
        at = next;
    }
    Some(total)
}

fn begins(text: &[char], at: usize) -> bool {
    text[at].is_alphanumeric() && (at == 0 || !text[at - 1].is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::score;

    #[test]
    fn letters_may_be_left_out_from_the_beginning_of_a_word_on() {
        assert!(score("cst", "customers_to_crm").is_some());
        assert!(score("ctc", "customers_to_crm").is_some());
        assert!(score("stomers", "customers_to_crm").is_some());
        assert_eq!(score("stmrs", "customers_to_crm"), None);
        assert_eq!(score("crmx", "customers_to_crm"), None);
    }

    #[test]
    fn words_stand_in_any_order_and_in_any_case() {
        assert!(score("JOB pau", "pauses or resumes the job").is_some());
        assert_eq!(score("job quits", "pauses or resumes the job"), None);
        assert_eq!(score("  ", "anything"), Some(0));
        assert_eq!(score("a", ""), None);
    }

    #[test]
    fn a_whole_piece_is_better_than_strewn_letters_and_a_beginning_better_than_a_middle() {
        let better = |typed, good, bad| assert!(score(typed, good) > score(typed, bad), "{typed}: {good}, {bad}");
        better("pau", "pauses the job", "puts a run");
        better("run", "runs the job", "shows a prune");
        better("sd", "shows dead letters", "sorted");
    }
}
