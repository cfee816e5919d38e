//! The clipboard: the terminal's by an escape sequence (OSC 52), or the desktop's by its own program. It is only
//! written, never read.

use crate::tui::ClipboardWay;
use base64::Engine as _;
use std::io::Write;
use std::process::{Command, Stdio};

/// What terminals take of an encoded text at most.
const OSC52_MAX: usize = 74_994;

/// The programs that fill a desktop's clipboard, each with the variable that says that its desktop is there.
const PROGRAMS: [(&str, &[&str], &str); 3] = [
    ("wl-copy", &[], "WAYLAND_DISPLAY"),
    ("xclip", &["-selection", "clipboard"], "DISPLAY"),
    ("pbcopy", &[], "__CF_USER_TEXT_ENCODING"),
];

/// How a text is to be copied.
pub(super) enum Plan {
    /// These bytes go to the terminal.
    Terminal(Vec<u8>),
    /// Of these programs the first that works.
    Programs(Vec<(&'static str, &'static [&'static str])>),
    /// As `Programs`, and the terminal where none works.
    ProgramsFirst(Vec<(&'static str, &'static [&'static str])>, Vec<u8>),
    Refused(String),
}

pub(super) fn plan(way: ClipboardWay, text: &str, env: &dyn Fn(&str) -> Option<String>) -> Plan {
    let set = |name: &str| env(name).is_some_and(|value| !value.is_empty());
    let programs: Vec<_> =
        PROGRAMS.iter().filter(|(_, _, display)| set(display)).map(|(name, args, _)| (*name, *args)).collect();
    // Over ssh the desktop of the far machine is nobody's.
    let is_far = set("SSH_TTY") || set("SSH_CONNECTION");
    let bytes = escape(text, set("TMUX"), env("TERM").is_some_and(|term| term.starts_with("screen")));
    match (way, bytes) {
        (ClipboardWay::Command, _) if programs.is_empty() => {
            Plan::Refused("there is no desktop for wl-copy, xclip or pbcopy".to_owned())
        }
        (ClipboardWay::Command, _) => Plan::Programs(programs),
        (ClipboardWay::Auto, Ok(bytes)) if !is_far && !programs.is_empty() => Plan::ProgramsFirst(programs, bytes),
        (ClipboardWay::Auto, Err(_)) if !is_far && !programs.is_empty() => Plan::Programs(programs),
        (_, Ok(bytes)) => Plan::Terminal(bytes),
        (_, Err(problem)) => Plan::Refused(problem),
    }
}

/// The escape sequence; tmux and screen hand it on when it is wrapped for them.
fn escape(text: &str, in_tmux: bool, in_screen: bool) -> Result<Vec<u8>, String> {
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    if encoded.len() > OSC52_MAX {
        return Err(format!("it is larger than terminals take ({} B at most)", OSC52_MAX / 4 * 3));
    }
    let bytes = if in_tmux {
        format!("\x1bPtmux;\x1b\x1b]52;c;{encoded}\x07\x1b\\")
    } else if in_screen {
        format!("\x1bP\x1b]52;c;{encoded}\x07\x1b\\")
    } else {
        format!("\x1b]52;c;{encoded}\x07")
    };
    Ok(bytes.into_bytes())
}

/// Gives `text` to the first of `programs` that takes it; its name. This blocks.
pub(super) fn run(programs: &[(&'static str, &'static [&'static str])], text: &str) -> Result<&'static str, String> {
    let mut last = "no program takes it".to_owned();
    for (name, args) in programs {
        let child =
            Command::new(name).args(*args).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let taken = child.and_then(|mut child| {
            if let Some(mut stdin) = child.stdin.take() {
                stdin.write_all(text.as_bytes())?;
            }
            child.wait()
        });
        match taken {
            Ok(status) if status.success() => return Ok(name),
            Ok(status) => last = format!("{name} ended with {status}"),
            Err(error) => last = format!("{name}: {}", error.kind()),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan_of(way: ClipboardWay, text: &str, set: &[(&str, &str)]) -> Plan {
        plan(way, text, &|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    fn bytes(plan: &Plan) -> Option<&str> {
        match plan {
            Plan::Terminal(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    #[test]
    fn a_terminal_gets_the_sequence_and_tmux_and_screen_a_wrapped_one() {
        let plain = plan_of(ClipboardWay::Auto, "abc", &[]);
        assert_eq!(bytes(&plain), Some("\x1b]52;c;YWJj\x07"));
        let tmux = plan_of(ClipboardWay::Osc52, "abc", &[("TMUX", "/tmp/x"), ("TERM", "screen-256color")]);
        assert_eq!(bytes(&tmux), Some("\x1bPtmux;\x1b\x1b]52;c;YWJj\x07\x1b\\"));
        let screen = plan_of(ClipboardWay::Osc52, "abc", &[("TERM", "screen")]);
        assert_eq!(bytes(&screen), Some("\x1bP\x1b]52;c;YWJj\x07\x1b\\"));
    }

    #[test]
    fn a_desktop_is_asked_first_but_not_over_ssh() {
        assert!(
            matches!(plan_of(ClipboardWay::Auto, "a", &[("DISPLAY", ":0")]), Plan::ProgramsFirst(programs, _) if programs[0].0 == "xclip")
        );
        let far = plan_of(ClipboardWay::Auto, "a", &[("DISPLAY", ":0"), ("SSH_TTY", "/dev/pts/1")]);
        assert!(bytes(&far).is_some());
        assert!(matches!(plan_of(ClipboardWay::Command, "a", &[]), Plan::Refused(_)));
    }

    #[test]
    fn what_is_too_large_for_a_terminal_is_refused_or_goes_to_the_desktop() {
        let large = "x".repeat(OSC52_MAX);
        assert!(matches!(plan_of(ClipboardWay::Osc52, &large, &[]), Plan::Refused(_)));
        assert!(matches!(plan_of(ClipboardWay::Auto, &large, &[("WAYLAND_DISPLAY", "w")]), Plan::Programs(_)));
        assert!(bytes(&plan_of(ClipboardWay::Osc52, &"x".repeat(OSC52_MAX / 4 * 3), &[])).is_some());
    }

    #[test]
    fn a_program_that_is_not_there_is_passed_over() {
        assert_eq!(run(&[("no-such-program-at-all", &[]), ("cat", &[])], "abc"), Ok("cat"));
        assert!(run(&[("no-such-program-at-all", &[])], "abc").is_err());
    }
}
