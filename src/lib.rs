//! syncdeck

pub mod connect;
pub mod control;
pub mod engine;
pub mod model;
pub mod store;
pub mod tui;
