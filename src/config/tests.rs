//! What only the room itself can see: that declaration, reader and builders agree.

use super::declare::{Kind, Spec};
use super::format::FILE;
use super::tree::{Table, Value};
use super::*;
use std::collections::{BTreeMap, BTreeSet};

const FULL: &str = include_str!("../../tests/configs/full.toml");

/// What was asked of the tables of each declaration.
type Taken = BTreeMap<*const Spec, BTreeSet<String>>;

fn gather(table: &Table, taken: &mut Taken) {
    if let Some(spec) = table.spec {
        taken.entry(std::ptr::from_ref(spec)).or_default().extend(table.taken.borrow().iter().cloned());
    }
    for entry in &table.entries {
        gather_in(&entry.node.value, taken);
    }
}

fn gather_in(value: &Value, taken: &mut Taken) {
    match value {
        Value::Table(inner) => gather(inner, taken),
        Value::List(nodes) => nodes.iter().for_each(|node| gather_in(&node.value, taken)),
        _ => {}
    }
}

fn specs_of(kind: &'static Kind, found: &mut Vec<&'static Spec>) {
    match kind {
        Kind::Table(spec) => specs_in(spec, found),
        Kind::Tagged(tagged) => tagged.available().for_each(|(_, spec)| specs_in(spec, found)),
        Kind::Named(of) | Kind::List(of) => specs_of(of, found),
        Kind::Either(kinds) => kinds.iter().for_each(|kind| specs_of(kind, found)),
        _ => {}
    }
}

fn specs_in(spec: &'static Spec, found: &mut Vec<&'static Spec>) {
    found.push(spec);
    spec.keys.iter().for_each(|key| specs_of(&key.kind, found));
}

#[test]
fn every_key_that_is_declared_is_used_by_a_builder() {
    let env = |_: &str| Some("https://secret.example.com".to_owned());
    let mut report = Report::default();
    let files = [SourceFile { name: "syncdeck.toml".into(), folder: PathBuf::new(), text: FULL.to_owned() }];
    let mut document = Document::default();
    document.add(read_file(&files, 0, &env, &mut report), &files, &mut report);
    let instances = instances::instances(&document.instances, &mut report);
    let mut expansion = Expansion::new(&instances, &files, &env);
    let orders = expansion.jobs(document.jobs, &JOB_KIND, &mut report);
    let connection_orders = expansion.connections(document.connections, &CONNECTION_KIND, &orders, &mut report);
    let names = Connections::new(&connection_orders);
    for order in &connection_orders {
        connections::connection(order, &files, &mut report);
    }
    for order in &orders {
        jobs::jobs(order, &names, &mut report);
    }
    for entry in &document.hooks {
        notify::hook(entry, &mut report);
    }
    cycles::warn_of_cycles(&orders, &names, &mut report);
    let serve = document.serve.take().expect("an address");
    webhook::check_together(&orders, None, &mut report);
    let (workspace, console) = (document.workspace.expect("a workspace"), document.console.expect("a console"));
    let table_of = |entry: Entry| match entry.node.value {
        Value::Table(table) => table,
        other => panic!("no table: {other:?}"),
    };
    let (workspace, console) = (table_of(workspace), table_of(console));
    let serve = table_of(serve);
    webhook::serve(&serve, &mut report);
    workspace_of(&workspace, Path::new(""), &env, &mut report);
    super::console::console(&console, None, &files, &report);

    let mut taken = Taken::new();
    let read = orders.iter().chain(&connection_orders).map(|order| &order.entry);
    for entry in read.chain(&document.instances).chain(&document.hooks) {
        gather_in(&entry.node.value, &mut taken);
    }
    gather(&workspace, &mut taken);
    gather(&console, &mut taken);
    gather(&serve, &mut taken);
    let mut specs = Vec::new();
    FILE.keys.iter().for_each(|key| specs_of(&key.kind, &mut specs));
    for spec in specs {
        let asked = taken.get(&std::ptr::from_ref(spec)).cloned().unwrap_or_default();
        for key in spec.keys.iter().filter(|key| !key.later) {
            assert!(asked.contains(key.name), "nobody reads `{}` of: {}", key.name, spec.about);
        }
    }
}

#[test]
fn what_is_not_written_is_what_the_model_says() {
    let text = "[connections.a]\ntype = \"rest\"\nbase_url = \"https://a.example.com\"";
    let config = parse(text, Path::new("a.toml"), &|_| Some("/home/a".into())).expect("it is right");
    assert_eq!(config.connections[0].limits, crate::model::Limits::default());
    assert_eq!(config.connections[0].retry, crate::model::RetryRule::default());
}

#[test]
fn a_rule_takes_the_options_that_transforms_have() {
    let known: BTreeSet<&str> = map::OPTIONS.iter().copied().collect();
    let had: BTreeSet<&str> = crate::model::mapping::TRANSFORMS
        .iter()
        .flat_map(|transform| transform.options.iter().map(|option| option.name))
        .collect();
    assert_eq!(known, had);
}
