//! The real engine against the simulated systems, in this process, under a paused clock.

mod house;
mod first;
