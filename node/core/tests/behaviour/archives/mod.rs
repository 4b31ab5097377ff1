//! Archives: made by whom, fetched and kept by whom, and what is refused.

mod desk;
mod followers;
mod owners;
mod releases;
