//! What tests, benchmarks and fuzz targets share; nothing of it is part of the program.

pub mod counting;
pub mod fuzz;
pub mod hostile;
