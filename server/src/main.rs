//! The binary: see [`server::cli`].

use std::process::ExitCode;

/// An exchange makes some hundreds of small things for a moment, and of its time the C library's allocator
/// took an eighth.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    server::cli::run()
}
