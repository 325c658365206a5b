//! Whole processes: started, killed and started again.
fn main() {}
