//! Every grant, from the parameters to the claims of what is issued; what is around us is fake and
//! answers at once.

mod assertions;
mod behalf;
pub(crate) mod fixture;
mod idp;
mod opaque;
mod own;
mod products;
mod providers;
