//! What holds for every request, whatever it asks for (contract, 2.1 to 2.3 and 3).

mod bodies;
mod browsers;
mod cookies;
mod failures;
mod figures;
mod methods;
mod shapes;
