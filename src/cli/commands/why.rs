//! `syncdeck why`: why a record is, or is not, at the destination.
//!
//! `--json` prints `{"key","at","live","known","answers":[{"job","source","destination","record","matched_by","verdict",
//! "needs_person","sentence","outlook","mends":[{"key","command","words"}],"facts":{…of the verdict},
//! "evidence":[{"name","mark":"yes"|"no"|"nothing"|"unknown","text","live"}],"not_the_reason":[…],
//! "story":[{"at","text"}],"fields":[{"field","source","written","destination","differs"}]}]}`. `known` is false when no
//! job knows such a record; then there is an answer for each job. The status is 3 when an answer needs a person.

use crate::cli::questions::{Ask, why};
use crate::cli::text::{Align, Style, Table, plain};
use crate::cli::which::{Meant, which};
use crate::cli::{Exit, Line, Output, Report};
use crate::control::Handle;
use crate::model::{FieldNow, MatchedBy, Mend, RungMark, StoryLine, Tenor, Why, WhyAnswer};
use serde_json::{Value, json};

pub const EXAMPLE: &str = "Example:\n  syncdeck why cus_00917734\n  syncdeck why customers_to_crm sam.lee@example.org --live\n\n\
     Exit status: 3 when the answer needs a person";

#[derive(clap::Args, Clone, Debug, PartialEq)]
#[command(override_usage = "syncdeck why [OPTIONS] [JOB] <ID>")]
pub struct Args {
    /// The record: its id at either side, or the value of a searchable field. Before it the job, where only one is meant
    #[arg(required = true, num_args = 1..=2, value_name = "ID")]
    pub words: Vec<String>,
    /// Only the jobs of this instance
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// Ask both systems for the record now, and show the fields that differ
    #[arg(long)]
    pub live: bool,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

impl Args {
    fn asked(&self) -> (Option<&str>, &str) {
        match self.words.as_slice() {
            [job, id] => (Some(job), id),
            [id, ..] => (None, id),
            [] => (None, ""),
        }
    }
}

pub async fn run(args: &Args, handle: &Handle, out: &mut Output) -> Result<Exit, Report> {
    let meant = match (args.asked().0, &args.instance) {
        (None, None) => Meant::All,
        (job, instance) => {
            let names: Vec<String> = job.iter().map(|job| (*job).to_owned()).collect();
            let known = handle.jobs();
            Meant::Some(which(&names, instance.as_deref(), &known)?.into_iter().cloned().collect())
        }
    };
    carry_out(args, &meant, &async |request| handle.ask(request).await, out).await
}

/// What the jobs that are meant say of the record, as one answer: those that know it, else all.
async fn answered(meant: &Meant, key: &str, live: bool, ask: &impl Ask) -> Result<WhyAnswer, Report> {
    let Meant::Some(jobs) = meant else { return Ok(*why(ask, None, key, live).await?) };
    let mut all: Option<WhyAnswer> = None;
    for job in jobs {
        let answer = *why(ask, Some(job.clone()), key, live).await?;
        match &mut all {
            Some(before) if before.is_known == answer.is_known => before.answers.extend(answer.answers),
            Some(before) if before.is_known => {}
            _ => all = Some(answer),
        }
    }
    all.ok_or_else(|| Report::usage("no job is meant"))
}

async fn carry_out(args: &Args, meant: &Meant, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let (_, key) = args.asked();
    let answer = answered(meant, key, args.live, ask).await?;
    if args.json {
        out.json(&document(&answer))?;
    } else if answer.is_known {
        for (at, why) in answer.answers.iter().enumerate() {
            if at > 0 {
                out.line("")?;
            }
            tell(why, out)?;
        }
    } else {
        unknown(&answer, out)?;
    }
    let needs_person = answer.is_known && answer.answers.iter().any(|why| why.tenor == Tenor::NeedsPerson);
    Ok(if needs_person { Exit::DeadLettered } else { Exit::Done })
}

fn sign(tenor: Tenor) -> (&'static str, Style) {
    match tenor {
        Tenor::There => ("✓", Style::Good),
        Tenor::Coming => ("↻", Style::Hint),
        Tenor::RightlyNot => ("–", Style::Plain),
        Tenor::NeedsPerson => ("✗", Style::Bad),
        Tenor::Unknown => ("?", Style::Warn),
    }
}

fn unknown(answer: &WhyAnswer, out: &mut Output) -> Result<(), Report> {
    let told = format!("No job knows `{}`, neither as an id nor by a searchable field.", answer.key);
    out.line(Line::new().with("? ", Style::Warn).with(told, Style::Bold))?;
    for why in &answer.answers {
        let (sign, style) = sign(why.tenor);
        out.line(
            Line::new().then("  ").with(format!("{sign} "), style).then(format!("{}: {}", why.job, why.sentence)),
        )?;
    }
    if let Some(mend) = answer.answers.iter().flat_map(|why| &why.mends).find(|mend| mend.command.is_some()) {
        out.line(mended(mend))?;
    }
    Ok(())
}

fn mended(mend: &Mend) -> Line {
    let line = Line::new().with("  next   ", Style::Dim).then(format!("{}: ", mend.words));
    match (&mend.command, &mend.key) {
        (Some(command), _) => line.with(command.clone(), Style::Hint),
        (None, Some(key)) => line.with(format!("press {} in the console (8 Why)", key.replace(' ', "")), Style::Hint),
        (None, None) => line,
    }
}

fn tell(why: &Why, out: &mut Output) -> Result<(), Report> {
    let (told, style) = sign(why.tenor);
    out.line(Line::new().with(format!("{told} "), style).with(why.sentence.clone(), Style::Bold))?;
    out.line(format!("  {}", why.outlook))?;
    why.mends.iter().try_for_each(|mend| out.line(mended(mend)))?;
    out.line("")?;
    let found = match &why.matched_by {
        MatchedBy::SourceId => String::new(),
        MatchedBy::DestinationId => ", found by its id at the destination".to_owned(),
        MatchedBy::Field(field) => format!(", found by {field}"),
        MatchedBy::Nothing => String::new(),
    };
    let head = format!("{} ({}: {} → {}{found})", why.record.shown(), why.job, why.source, why.destination);
    out.line(Line::new().with(head, Style::Bold))?;
    for (number, rung) in why.rungs.iter().enumerate() {
        let style = match rung.mark {
            RungMark::Yes => Style::Good,
            RungMark::No => Style::Bad,
            RungMark::Nothing => Style::Dim,
            RungMark::Unknown => Style::Warn,
        };
        let live = if rung.is_live { "  (live)" } else { "" };
        let line = Line::new().then(format!("  {} ", number + 1)).with(format!("{} ", rung.mark.sign()), style);
        out.line(line.then(format!("{:<12} {}", rung.name, rung.text)).with(live, Style::Dim))?;
    }
    if !why.not_the_reason.is_empty() {
        out.line(Line::new().with("  not the reason: ", Style::Dim).then(why.not_the_reason.join(", ")))?;
    }
    if !why.story.is_empty() {
        out.line(Line::new().with("its story", Style::Bold))?;
        for StoryLine { at, text } in &why.story {
            out.line(format!("  {at}  {text}"))?;
        }
    }
    if !why.fields.is_empty() {
        out.line(Line::new().with("fields", Style::Bold))?;
        out.table(&fields(why))?;
    }
    Ok(())
}

fn fields(why: &Why) -> Table {
    let columns = [
        ("FIELD", Align::Left),
        ("SOURCE NOW", Align::Left),
        ("LAST WRITTEN", Align::Left),
        ("", Align::Left),
        ("DESTINATION NOW", Align::Left),
    ];
    let mut table = Table::new(&columns);
    for FieldNow { field, source, written, destination, differs } in &why.fields {
        let value = |text: &Option<String>| plain(text.as_deref().unwrap_or("–"));
        let mark = if *differs { ("differs".to_owned(), Style::Bad) } else { plain("") };
        table.row(vec![plain(field.as_str()), value(source), value(written), mark, value(destination)]);
    }
    table
}

fn document(answer: &WhyAnswer) -> Value {
    let answers: Vec<Value> = answer.answers.iter().map(of_record).collect();
    json!({
        "key": answer.key,
        "at": answer.at,
        "live": answer.is_live,
        "known": answer.is_known,
        "answers": answers,
    })
}

fn of_record(why: &Why) -> Value {
    let mut facts = serde_json::to_value(&why.verdict).unwrap_or_default();
    if let Some(facts) = facts.as_object_mut() {
        facts.remove("verdict");
    }
    let evidence: Vec<Value> = why
        .rungs
        .iter()
        .map(|rung| json!({ "name": rung.name, "mark": rung.mark, "text": rung.text, "live": rung.is_live }))
        .collect();
    json!({
        "job": why.job,
        "source": why.source,
        "destination": why.destination,
        "record": why.record.shown(),
        "matched_by": why.matched_by,
        "verdict": why.verdict.word(),
        "needs_person": why.tenor == Tenor::NeedsPerson,
        "sentence": why.sentence,
        "outlook": why.outlook,
        "mends": why.mends,
        "facts": facts,
        "evidence": evidence,
        "not_the_reason": why.not_the_reason,
        "story": why.story,
        "fields": why.fields,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::sample;
    use crate::cli::output::tests::captured;
    use crate::control::{Answer, Request};
    use crate::model::*;

    /// A record that was written and changed at the destination afterwards; everything foreign of it is `text`.
    fn changed_there(text: &str) -> Evidence {
        let version = Version::read("2026-01-01T00:00:00Z", &VersionKind::Auto).expect("a time");
        let found = FoundAtSource {
            version: Some(version.clone()),
            is_deleted: false,
            refused: None,
            accepted: Ok(true),
            is_as_written: Some(true),
        };
        let link = Link {
            destination_id: Some(text.into()),
            version: Some(version),
            written: Some(Fingerprint(1)),
            writes: 1,
            history: vec![LinkEvent { at: sample::at(30), run: RunId(3), outcome: Outcome::Created }],
            ..Link::default()
        };
        let field = |name: &str, there: &str| FieldNow {
            field: name.to_owned(),
            source: Some(text.to_owned()),
            written: Some(text.to_owned()),
            destination: Some(there.to_owned()),
            differs: there != text,
        };
        Evidence {
            now: sample::at(90),
            record: text.into(),
            matched_by: MatchedBy::Field(text.to_owned()),
            job: sample::snapshot("customers", text).jobs[0].clone(),
            rules: PositionRules { sorted: true, incremental: true, ..PositionRules::default() },
            held: None,
            start: None,
            filter: Some(text.to_owned()),
            refused: None,
            can_ask_source: true,
            can_ask_destination: true,
            in_doubt_since: None,
            is_in_flight: false,
            event: None,
            link: Some(link),
            letters: Vec::new(),
            group_waiting: None,
            asked: Some(Asked {
                source: SourceNow::Found(found),
                destination: DestinationNow::Found { differs: vec![text.to_owned()] },
            }),
            fields: vec![field("email", "other"), field(text, text)],
        }
    }

    async fn printed(evidence: Evidence, is_known: bool, json: bool) -> (Exit, String) {
        let answers = vec![ladder(evidence)];
        let answer = WhyAnswer { key: "sam@x".to_owned(), at: sample::at(90), is_live: true, is_known, answers };
        let ask = async |request: Request| {
            let wanted = Request::Why { job: Some("customers".into()), key: "sam@x".to_owned(), live: true };
            assert_eq!(request, wanted);
            Ok(Answer::Why(Box::new(answer.clone())))
        };
        let words = vec!["customers".to_owned(), "sam@x".to_owned()];
        let meant = Meant::Some(vec!["customers".into()]);
        let (mut out, stdout, stderr) = captured();
        let result = carry_out(&Args { words, instance: None, live: true, json }, &meant, &ask, &mut out).await;
        (out.finish(result), stdout.text() + &stderr.text())
    }

    #[tokio::test]
    async fn an_answer_is_told_with_its_evidence_and_fields() {
        let (exit, text) = printed(changed_there("cus_7"), true, false).await;
        assert_eq!(exit, Exit::DeadLettered, "it needs a person");
        insta::assert_snapshot!(text);
    }

    #[tokio::test]
    async fn the_document_of_an_answer_stays_as_it_is() {
        let (_, text) = printed(changed_there("cus_7"), true, true).await;
        insta::assert_json_snapshot!(serde_json::from_str::<Value>(&text).expect("one JSON document"));
    }

    #[tokio::test]
    async fn what_no_job_knows_is_told_in_a_line_a_job() {
        let evidence = Evidence { link: None, asked: None, fields: Vec::new(), ..changed_there("cus_7") };
        let (exit, text) = printed(evidence, false, false).await;
        assert_eq!(exit, Exit::Done);
        insta::assert_snapshot!(text);
    }

    #[tokio::test]
    async fn nothing_foreign_reaches_the_terminal_as_it_is() {
        for json in [false, true] {
            let (_, text) = printed(changed_there(sample::HOSTILE), true, json).await;
            sample::assert_harmless(&text);
        }
    }
}
