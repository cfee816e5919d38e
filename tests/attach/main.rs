//! One engine, many screens: the real binary serves, and other processes attach to it.

#[path = "../terminal/app.rs"]
#[expect(dead_code, reason = "what the walks of the terminal need is more than what is needed here")]
mod app;
mod locked;
#[path = "../process/mod.rs"]
#[expect(dead_code, reason = "what the commands need is more than what is needed here")]
mod process;
#[path = "../kill/running.rs"]
#[expect(dead_code, reason = "what the kills need is more than what is needed here")]
mod running;
mod screens;
mod service;
#[path = "../command/shop.rs"]
mod shop;
