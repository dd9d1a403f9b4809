//! What the programs for cargo-fuzz share.

/// Lets a panic that the program catches pass, as it does in life: admission and the readers of
/// workbooks hold libraries within `catch_unwind`. One that nobody catches still ends the run; with
/// `RUST_BACKTRACE` every one is told.
pub fn quiet() {
    let is_loud = std::env::var_os("RUST_BACKTRACE").is_some();
    std::panic::set_hook(Box::new(move |panic| {
        if is_loud {
            eprintln!("{panic}");
        }
    }));
}
