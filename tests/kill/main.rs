//! The real binary is killed at random instants while answers are lost, and stopped by signals: nothing is lost, nothing
//! is written twice, and every figure balances.

mod creates;
#[path = "../process/mod.rs"]
mod process;
mod rounds;
mod running;
mod signals;
mod truth;
mod webhooks;
