//! The only file that prints: colour or not, a pipe that closes, bars, and errors.

use super::json;
use super::report::{Exit, Report};
use super::text::{Line, Style, Table};
use crate::model::{JobId, visible};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::collections::HashMap;
use std::io::{self, BufRead, IsTerminal, Write};

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
    /// The terminal's sixteen colours, and no others.
    #[value(name = "16")]
    Sixteen,
    #[value(name = "256")]
    Indexed,
    /// Any colour.
    #[value(name = "true")]
    True,
}

impl Color {
    /// Whether the screen is coloured, by the same rule as lines on a terminal.
    pub fn is_wanted_on_screen(self) -> bool {
        wants_colour(self, true, is_colour_off())
    }
}

/// The two streams of a command. What is foreign passes through [`visible`] on its way, whoever prints it.
pub struct Output {
    stdout: Stream,
    stderr: Stream,
    bars: Option<Bars>,
    has_bars: bool,
    /// Who answers questions; nobody where no terminal is at both ends.
    answers: Option<Box<dyn BufRead + Send>>,
}

struct Stream {
    sink: Box<dyn Write + Send>,
    /// Bytes not handed over yet, at most [`Stream::PENDING_MAX`] and a line.
    pending: Vec<u8>,
    colour: bool,
    /// The reader went away (`| head`). That is no error: there is only nobody to tell any more.
    is_closed: bool,
}

impl Output {
    /// The process's own streams.
    pub fn new(color: Color) -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let no_color = is_colour_off();
        Self {
            stdout: Stream::new(Box::new(io::stdout()), wants_colour(color, out, no_color)),
            stderr: Stream::new(Box::new(io::stderr()), wants_colour(color, err, no_color)),
            bars: None,
            has_bars: err && !is_dumb(),
            answers: (err && io::stdin().is_terminal()).then(|| {
                let stdin: Box<dyn BufRead + Send> = Box::new(io::BufReader::new(io::stdin()));
                stdin
            }),
        }
    }

    /// Streams of somebody else, without bars.
    pub fn on(stdout: Box<dyn Write + Send>, stderr: Box<dyn Write + Send>, colour: bool) -> Self {
        let (stdout, stderr) = (Stream::new(stdout, colour), Stream::new(stderr, colour));
        Self { stdout, stderr, bars: None, has_bars: false, answers: None }
    }

    /// Prints a line of facts.
    pub fn line(&mut self, line: impl Into<Line>) -> Result<(), Report> {
        let text = line.into().render(self.stdout.colour);
        self.print(&text)
    }

    pub fn table(&mut self, table: &Table) -> Result<(), Report> {
        table.render(self.stdout.colour).iter().try_for_each(|line| self.print(line))
    }

    /// Prints a value as one line of JSON.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), Report> {
        let text = json::line(value).map_err(|error| Report::new(format!("an answer is no JSON: {error}")))?;
        self.print(&text)
    }

    /// Prints text of this program itself (a schema, a script, a help text) as it is, with its line ends.
    pub fn own_text(&mut self, text: &str) -> Result<(), Report> {
        text.lines().try_for_each(|line| self.print(line))
    }

    /// Prints a line on standard error: progress, warnings. It can not fail, because nobody could be told.
    pub fn note(&mut self, line: impl Into<Line>) {
        let text = line.into().render(self.stderr.colour);
        let stderr = &mut self.stderr;
        let mut print = || stderr.print(&text).and_then(|()| stderr.flush()).unwrap_or_default();
        match &self.bars {
            Some(bars) => bars.all.suspend(print),
            None => print(),
        }
    }

    /// Asks a person and returns the line that they type, without its end; none where nobody is there to be asked.
    pub fn ask(&mut self, prompt: impl Into<Line>) -> Result<Option<String>, Report> {
        if self.answers.is_none() {
            return Ok(None);
        }
        self.flush()?;
        let text = prompt.into().render(self.stderr.colour);
        self.stderr.pending.extend_from_slice(text.as_bytes());
        self.stderr.pending.push(b' ');
        self.stderr.flush().map_err(|error| unwritten(&error))?;
        let mut typed = String::new();
        let answers = self.answers.as_mut().expect("somebody to be asked");
        answers.read_line(&mut typed).map_err(|error| Report::new(format!("the answer could not be read: {error}")))?;
        Ok(Some(typed.trim_end_matches(['\r', '\n']).to_owned()))
    }

    /// Prints a warning of the configuration: what it is, then the lines that show where.
    pub fn warn(&mut self, warning: &str) {
        let mut lines = warning.lines();
        self.note(Line::new().with("warning: ", Style::Warn).then(lines.next().unwrap_or_default()));
        lines.for_each(|line| self.note(line));
    }

    /// Ends a command: prints what went wrong, hands over what is pending, and gives the exit status.
    pub fn finish(&mut self, result: Result<Exit, Report>) -> Exit {
        self.end_progress();
        let result = result.and_then(|exit| self.flush().map(|()| exit));
        let Err(report) = result else {
            return result.unwrap_or(Exit::Failed);
        };
        if let Some(text) = report.help_text() {
            return match self.own_text(text).and_then(|()| self.flush()) {
                Ok(()) => report.exit(),
                Err(_) => Exit::Failed,
            };
        }
        // What was found before the error stands before it; a second failure of the same stream adds nothing.
        self.flush().unwrap_or_default();
        for line in report.lines() {
            self.note(line);
        }
        report.exit()
    }

    /// Hands over what is pending, so that a reader sees it now.
    pub fn flush(&mut self) -> Result<(), Report> {
        self.stdout.flush().map_err(|error| unwritten(&error))
    }

    /// True when nobody reads standard output any more: a long listing may end.
    pub fn is_closed(&self) -> bool {
        self.stdout.is_closed
    }

    /// True where bars can be drawn.
    pub fn has_bars(&self) -> bool {
        self.has_bars
    }

    /// Draws a bar for each job, the newest figures of all that move.
    pub fn progress(&mut self, jobs: &[JobProgress]) {
        if self.has_bars {
            self.bars.get_or_insert_with(Bars::new).show(jobs);
        }
    }

    /// Takes the bars away, so that what is printed next stands alone.
    pub fn end_progress(&mut self) {
        if let Some(bars) = self.bars.take() {
            bars.all.clear().unwrap_or_default();
        }
    }

    fn print(&mut self, text: &str) -> Result<(), Report> {
        self.stdout.print(text).map_err(|error| unwritten(&error))
    }
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// `NO_COLOR` (no-color.org) is set, or the terminal says that it can do nothing.
fn is_colour_off() -> bool {
    is_dumb() || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

fn wants_colour(color: Color, is_terminal: bool, no_color: bool) -> bool {
    match color {
        Color::Always | Color::Sixteen | Color::Indexed | Color::True => true,
        Color::Never => false,
        Color::Auto => is_terminal && !no_color,
    }
}

fn unwritten(error: &io::Error) -> Report {
    Report::new(format!("standard output could not be written: {error}"))
}

impl Drop for Output {
    fn drop(&mut self) {
        self.stdout.flush().unwrap_or_default();
    }
}

impl Stream {
    const PENDING_MAX: usize = 32 << 10;

    fn new(sink: Box<dyn Write + Send>, colour: bool) -> Self {
        Self { sink, pending: Vec::new(), colour, is_closed: false }
    }

    fn print(&mut self, text: &str) -> io::Result<()> {
        if self.is_closed {
            return Ok(());
        }
        self.pending.extend_from_slice(text.as_bytes());
        self.pending.push(b'\n');
        if self.pending.len() < Self::PENDING_MAX { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> io::Result<()> {
        let written = self.sink.write_all(&self.pending).and_then(|()| self.sink.flush());
        self.pending.clear();
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(())
            }
            written => written,
        }
    }
}

/// What a bar shows of one job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobProgress {
    pub job: JobId,
    pub done: u64,
    pub total: Option<u64>,
    pub text: String,
}

/// Bars on standard error, one for each job that moves.
struct Bars {
    all: MultiProgress,
    by_job: HashMap<JobId, ProgressBar>,
}

impl Bars {
    /// More jobs than this are in the table at the end, not on the screen meanwhile.
    const SHOWN_MAX: usize = 16;

    fn new() -> Self {
        Self { all: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()), by_job: HashMap::new() }
    }

    fn show(&mut self, jobs: &[JobProgress]) {
        let shown = &jobs[..jobs.len().min(Self::SHOWN_MAX)];
        self.by_job.retain(|job, bar| {
            let stays = shown.iter().any(|progress| progress.job == *job);
            if !stays {
                bar.finish_and_clear();
            }
            stays
        });
        for progress in shown {
            let all = &self.all;
            let bar = self.by_job.entry(progress.job.clone()).or_insert_with(|| all.add(ProgressBar::no_length()));
            bar.set_style(style(progress.total.is_some()));
            if let Some(total) = progress.total {
                bar.set_length(total.max(progress.done));
            }
            bar.set_position(progress.done);
            bar.set_message(visible(&progress.text).into_owned());
            bar.tick();
        }
    }
}

fn style(has_length: bool) -> ProgressStyle {
    let template = if has_length { "{bar:24} {percent:>3}%  {wide_msg}" } else { "{spinner} {wide_msg}" };
    ProgressStyle::with_template(template).expect("a template that is written here").progress_chars("━╸─")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::sync::Arc;

    /// A stream that a test reads afterwards.
    #[derive(Clone, Default)]
    pub(in crate::cli) struct Captured(Arc<parking_lot::Mutex<Vec<u8>>>);

    impl Captured {
        pub(in crate::cli) fn text(&self) -> String {
            String::from_utf8(self.0.lock().clone()).expect("only text is printed")
        }
    }

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Output {
        /// Lines that a person types when asked.
        pub(in crate::cli) fn hear(&mut self, lines: &[&str]) {
            self.answers = Some(Box::new(io::Cursor::new(format!("{}\n", lines.join("\n")))));
        }
    }

    pub(in crate::cli) fn captured() -> (Output, Captured, Captured) {
        let (out, err) = (Captured::default(), Captured::default());
        (Output::on(Box::new(out.clone()), Box::new(err.clone()), false), out, err)
    }

    /// A stream whose other end fails in one way.
    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_goes_away_is_no_error() {
        let err = Captured::default();
        let mut out = Output::on(Box::new(Broken(io::ErrorKind::BrokenPipe)), Box::new(err.clone()), false);
        for _ in 0..10_000 {
            out.line("a line that nobody reads").expect("no error");
        }
        assert!(out.is_closed());
        assert_eq!(out.finish(Ok(Exit::Done)), Exit::Done);
        assert_eq!(err.text(), "");
    }

    #[test]
    fn a_full_disk_behind_standard_output_is_told() {
        let err = Captured::default();
        let mut out = Output::on(Box::new(Broken(io::ErrorKind::StorageFull)), Box::new(err.clone()), false);
        out.line("a line").expect("it waits to be handed over");
        assert_eq!(out.finish(Ok(Exit::Done)), Exit::Failed);
        assert!(err.text().starts_with("error: standard output could not be written: "), "{}", err.text());
    }

    #[test]
    fn colour_follows_the_option_then_the_terminal_then_no_color() {
        assert!(wants_colour(Color::Always, false, true));
        assert!(!wants_colour(Color::Never, true, false));
        assert!(wants_colour(Color::Auto, true, false));
        assert!(!wants_colour(Color::Auto, true, true));
        assert!(!wants_colour(Color::Auto, false, false));
    }

    #[test]
    fn help_goes_to_standard_output_and_errors_to_standard_error() {
        let (mut out, stdout, stderr) = captured();
        assert_eq!(out.finish(Err(Report::help("Usage: syncdeck\n".to_owned()))), Exit::Done);
        assert_eq!(out.finish(Err(Report::usage("no such word"))), Exit::Usage);
        assert_eq!((stdout.text().as_str(), stderr.text().as_str()), ("Usage: syncdeck\n", "error: no such word\n"));
    }
}
