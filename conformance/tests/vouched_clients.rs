//! Clients that have neither a secret nor a registered key: the platform they run on, the mesh they are
//! in, or the maker of their device says who they are.

mod vouched_clients {
    mod attestation;
    mod svid;
    mod workload;
}
