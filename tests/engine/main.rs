//! The real engine against the simulated systems, in this process, under a paused clock.

mod bundle;
mod disk;
mod first;
mod hands;
mod house;
mod inside;
mod notify;
mod points;
mod quota;
mod seeds;
mod sign_in;
mod stories;
mod tale;
mod why;
