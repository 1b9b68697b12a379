//! Which network addresses may be asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// How far our requests may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The public internet, by https.
    Public,
    /// Also our own network, and http; not what clouds serve credentials from.
    Inside,
    /// Anything, also by http; development only.
    Anywhere,
}

impl Reach {
    pub(super) fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Public => is_public(address),
            Self::Inside => is_public(address) || is_ours(address),
            Self::Anywhere => true,
        }
    }
}

/// Resolves names and drops the addresses out of reach.
///
/// The check is made on the addresses that are then connected to, so a name that answers
/// differently the second time (DNS rebinding) gains nothing.
#[derive(Debug)]
pub(super) struct GuardedResolver {
    pub(super) reach: Reach,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|at| reach.allows(at.ip())).collect();
            if allowed.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Every address of a name is out of reach.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("not at a public address")]
pub(super) struct NotPublic;

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Azure serves instance metadata and platform credentials from this address, which looks public.
const AZURE_WIRE_SERVER: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// The IANA special-purpose registry, without what is globally reachable.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let this_network = a == 0;
    let carrier_grade_nat = a == 100 && (64..128).contains(&b); // RFC 6598; also Alibaba's metadata.
    let protocol_assignments = (a, b, c) == (192, 0, 0); // RFC 6890; also Oracle's metadata.
    let old_6to4_relay = (a, b, c) == (192, 88, 99);
    let benchmarking = a == 198 && (b == 18 || b == 19);
    let multicast_or_reserved = 224 <= a;
    !(this_network
        || carrier_grade_nat
        || protocol_assignments
        || old_6to4_relay
        || benchmarking
        || multicast_or_reserved
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address == AZURE_WIRE_SERVER)
}

/// Metadata services that look like somebody's own network: Alibaba's is in the range of carriers,
/// Amazon's by IPv6 among the unique local addresses.
const ALIBABA_METADATA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);
const AMAZON_METADATA: [u16; 2] = [0xfd00, 0x0ec2];

/// Loopback, and what networks number themselves with; nothing link-local, where the other metadata
/// services are.
fn is_ours(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            let carrier_grade_nat = a == 100 && (64..128).contains(&b);
            let ours = address.is_private() || address.is_loopback() || carrier_grade_nat;
            ours && address != ALIBABA_METADATA
        }
        IpAddr::V6(address) => {
            if let Some(inner) = address.to_ipv4_mapped() {
                return is_ours(IpAddr::V4(inner));
            }
            let [a, b, ..] = address.segments();
            let unique_local = a & 0xfe00 == 0xfc00;
            (unique_local && [a, b] != AMAZON_METADATA) || address.is_loopback()
        }
    }
}

/// Only global unicast (`2000::/3`) is public, less what tunnels to or stands for something else.
///
/// An address that carries an IPv4 address is judged by that one: mapped ones (`::ffff:0:0/96`)
/// and those of a NAT64 gateway (`64:ff9b::/96`), which IPv6-only networks rely on.
fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped().or_else(|| behind_nat64(address)) {
        return is_public_v4(inner);
    }
    let [a, b, ..] = address.segments();
    let global_unicast = a & 0xe000 == 0x2000;
    let protocol_assignments = a == 0x2001 && b < 0x0200; // RFC 2928; Teredo among them.
    let documentation = (a == 0x2001 && b == 0x0db8) || (a == 0x3fff && b < 0x1000);
    let six_to_four = a == 0x2002;
    global_unicast && !(protocol_assignments || documentation || six_to_four)
}

fn behind_nat64(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [0x0064, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() else { return None };
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Some(Ipv4Addr::new(a, b, c, d))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        Reach::Public.allows(text.parse().unwrap())
    }

    #[test]
    fn allows_public_addresses() {
        for text in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "168.63.129.17",
            "198.17.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00::1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ] {
            assert!(public(text), "{text}");
        }
    }

    #[test]
    fn refuses_addresses_that_are_not_public() {
        for text in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff:0fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!public(text), "{text}");
        }
    }

    #[test]
    fn our_own_network_is_reached_when_asked_for_but_no_metadata_service() {
        let inside = |text: &str| Reach::Inside.allows(text.parse().unwrap());
        for text in [
            "1.1.1.1",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "::1",
            "::ffff:10.0.0.1",
            "fd12:3456::1",
        ] {
            assert!(inside(text), "{text}");
        }
        for text in [
            "0.0.0.0",
            "100.100.100.200",
            "168.63.129.16",
            "169.254.169.254",
            "192.0.0.192",
            "224.0.0.1",
            "::",
            "::ffff:169.254.169.254",
            "fd00:ec2::254",
            "fe80::1",
        ] {
            assert!(!inside(text), "{text}");
        }
    }

    #[test]
    fn development_reaches_anywhere() {
        assert!(Reach::Anywhere.allows("127.0.0.1".parse().unwrap()));
    }
}
