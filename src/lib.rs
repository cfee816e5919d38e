//! syncdeck

pub mod connect;
pub mod control;
pub mod engine;
pub mod model;
pub mod sim;
pub mod store;
