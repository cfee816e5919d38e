//! The real engine against the simulated systems, in this process, under a paused clock.

mod bundle;
mod disk;
mod first;
mod hands;
mod house;
mod inside;
mod listener;
mod notify;
mod points;
mod seeds;
mod stories;
mod tale;
mod webhooks;
mod why;
