//! Every command of the real binary, run as a person runs it: exit statuses, documents, errors, files and secrets.

mod accept;
mod documents;
mod errors;
mod files;
mod help;
mod hostile;
mod instances;
mod limits;
mod lost_answer;
mod points;
#[path = "../process/mod.rs"]
mod process;
mod secrets;
mod shop;
