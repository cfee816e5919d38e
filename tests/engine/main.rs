//! The real engine against the simulated systems, in this process, under a paused clock.

mod first;
mod house;
