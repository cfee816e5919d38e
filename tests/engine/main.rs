//! The real engine against the simulated systems, in this process, under a paused clock.

mod bundle;
mod creates;
mod disk;
mod first;
mod hands;
mod held;
mod house;
mod identity;
mod inside;
mod instances;
mod listener;
mod notify;
mod odd_data;
mod points;
mod quota;
mod seeds;
mod sign_in;
mod stories;
mod tale;
mod triggers;
mod webhooks;
mod why;
