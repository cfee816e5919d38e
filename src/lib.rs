//! syncdeck

pub mod cli;
pub mod connect;
pub mod control;
pub mod engine;
pub mod logging;
pub mod model;
pub mod store;
