//! `cidr`, `isCIDR` and what a network contains.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{address, ip};
use crate::error::{ErrorKind, Raise};
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation::Own, Library, TypeRow};
use crate::value::extension::{Cidr, Extension};
use crate::value::{GoQuoted, Value};

/// `kubernetes.net.cidr`
pub static LIBRARY: Library = Library {
    name: "kubernetes.net.cidr",
    version: 0,
    types: &[TypeRow::Named("net.CIDR")],
    rows: &[
        row(
            "string_to_cidr",
            "cidr(string) -> net.CIDR",
            Own(string_to_cidr),
            "The network that a text is; bits of the host are kept and count in `==`.",
            &["cidr('10.0.0.0/8') == cidr('10.0.0.0/8')", "cidr('10.0.0.1/8') != cidr('10.0.0.0/8')"],
        ),
        row(
            "is_cidr",
            "isCIDR(string) -> bool",
            Own(is_cidr),
            "True if `cidr` would read the text.",
            &["isCIDR('::/0')", "!isCIDR('10.0.0.0')", "!isCIDR('10.0.0.0/08')"],
        ),
        row(
            "cidr_contains_ip_string",
            "net.CIDR.containsIP(string) -> bool",
            Own(contains_ip),
            "True if the address is in the network.",
            &["cidr('10.0.0.0/8').containsIP('10.1.2.3')", "!cidr('10.0.0.0/8').containsIP('::1')"],
        ),
        row(
            "cidr_contains_ip_ip",
            "net.CIDR.containsIP(net.IP) -> bool",
            Own(contains_ip),
            "True if the address is in the network.",
            &["cidr('10.0.0.0/8').containsIP(ip('10.1.2.3'))"],
        ),
        row(
            "cidr_contains_cidr_string",
            "net.CIDR.containsCIDR(string) -> bool",
            Own(contains_cidr),
            "True if the other network is a part of this one.",
            &[
                "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')",
                "!cidr('10.0.0.0/8').containsCIDR('0.0.0.0/0')",
            ],
        ),
        row(
            "cidr_contains_cidr",
            "net.CIDR.containsCIDR(net.CIDR) -> bool",
            Own(contains_cidr),
            "True if the other network is a part of this one.",
            &["cidr('10.0.0.0/8').containsCIDR(cidr('10.1.0.0/16'))"],
        ),
        row(
            "cidr_ip",
            "net.CIDR.ip() -> net.IP",
            Own(address_of),
            "The address, with the bits of the host.",
            &["cidr('10.0.0.1/8').ip() == ip('10.0.0.1')"],
        ),
        row(
            "cidr_prefix_length",
            "net.CIDR.prefixLength() -> int",
            Own(prefix_length),
            "The number of bits that make the network.",
            &["cidr('10.0.0.0/8').prefixLength() == 8"],
        ),
        row(
            "cidr_masked",
            "net.CIDR.masked() -> net.CIDR",
            Own(masked),
            "The network without bits of a host.",
            &["cidr('10.0.0.1/8').masked() == cidr('10.0.0.0/8')"],
        ),
        row(
            "cidr_to_string",
            "string(net.CIDR) -> string",
            Own(cidr_to_string),
            "The address in its shortest form and the number of bits.",
            &["string(cidr('2001:DB8::0/32')) == '2001:db8::/32'"],
        ),
    ],
};

/// Reads a network; the inner error is the text of what is wrong, which Kubernetes puts its prefix before twice.
fn read<'a>(rt: &mut Runtime<'a>, text: &str) -> Result<Result<Cidr, &'a str>, Raise<'a>> {
    const PREFIX: &str = "network address parse error during conversion from string: ";
    rt.charge_scan(text.len())?;
    let quoted = GoQuoted(text);
    let wrong = match parse(text) {
        Ok(cidr) if ip::is_mapped(&cidr.address) => {
            rt.format(format_args!("{PREFIX}IPv4-mapped IPv6 address {quoted} is not allowed"))?
        }
        Ok(cidr) => return Ok(Ok(cidr)),
        Err(Mistake::Address(mistake)) => {
            rt.format(format_args!("{PREFIX}{PREFIX}netip.ParsePrefix({quoted}): {mistake}"))?
        }
        Err(Mistake::Words(words)) => {
            rt.format(format_args!("{PREFIX}{PREFIX}netip.ParsePrefix({quoted}): {words}"))?
        }
        Err(Mistake::Bits(bits)) => rt.format(format_args!(
            "{PREFIX}{PREFIX}netip.ParsePrefix({quoted}): bad bits after slash: {}",
            GoQuoted(bits)
        ))?,
    };
    Ok(Err(wrong))
}

enum Mistake<'s> {
    Words(&'static str),
    Address(address::Mistake<'s>),
    Bits(&'s str),
}

fn parse(text: &str) -> Result<Cidr, Mistake<'_>> {
    let Some((before, bits)) = text.rsplit_once('/') else { return Err(Mistake::Words("no '/'")) };
    let address = address::parse(before.as_bytes()).map_err(Mistake::Address)?;
    if address.zone {
        return Err(Mistake::Words("IPv6 zones cannot be present in a prefix"));
    }
    let plain = bits.len() == 1 || !bits.starts_with('0');
    if !plain || bits.is_empty() || !bits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Mistake::Bits(bits));
    }
    // Go's `Atoi` fails above 63 bits.
    let number = bits.parse::<i64>().map_err(|_| Mistake::Bits(bits))?;
    let most = if address.ip.is_ipv4() { 32 } else { 128 };
    match u8::try_from(number) {
        Ok(bits) if bits <= most => Ok(Cidr { address: address.ip, bits }),
        _ => Err(Mistake::Words("prefix length out of range")),
    }
}

fn value<'a>(rt: &mut Runtime<'a>, cidr: Cidr) -> Answer<'a> {
    rt.budget.charge_bytes(size_of::<Cidr>())?;
    Ok(Value::Extension(Extension::Cidr(rt.arena.alloc(cidr))))
}

fn string_to_cidr<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    match read(rt, text)? {
        Ok(cidr) => value(rt, cidr),
        Err(wrong) => Err(ErrorKind::Message(wrong).into()),
    }
}

fn is_cidr<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    rt.charge_scan(text.len())?;
    Ok(Value::Bool(parse(text).is_ok_and(|cidr| !ip::is_mapped(&cidr.address))))
}

/// The first `bits` bits of an address.
fn mask(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(u32::from(bits))).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(u32::from(ip) & mask))
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(u32::from(bits))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(ip) & mask))
        }
    }
}

fn contains(cidr: &Cidr, ip: IpAddr) -> bool {
    // Addresses of the two families are never equal.
    mask(cidr.address, cidr.bits) == mask(ip, cidr.bits)
}

fn contains_ip<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let (cidr, ip) = match *args {
        [Value::Extension(Extension::Cidr(cidr)), Value::Extension(Extension::Ip(ip))] => (cidr, *ip),
        [Value::Extension(Extension::Cidr(cidr)), Value::String(text)] => match ip::read(rt, text)? {
            Ok(ip) => (cidr, ip),
            // Kubernetes loses what is wrong with the text.
            Err(_) => return Err(ErrorKind::NoSuchOverload.into()),
        },
        _ => return Err(ErrorKind::NoSuchOverload.into()),
    };
    Ok(Value::Bool(contains(cidr, ip)))
}

fn contains_cidr<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let (cidr, other) = match *args {
        [Value::Extension(Extension::Cidr(cidr)), Value::Extension(Extension::Cidr(other))] => (cidr, *other),
        [Value::Extension(Extension::Cidr(cidr)), Value::String(text)] => match read(rt, text)? {
            Ok(other) => (cidr, other),
            Err(wrong) => return Err(ErrorKind::Message(wrong).into()),
        },
        _ => return Err(ErrorKind::NoSuchOverload.into()),
    };
    Ok(Value::Bool(cidr.bits <= other.bits && contains(cidr, other.address)))
}

fn receiver<'a>(args: &[Value<'a>]) -> Result<&'a Cidr, Raise<'a>> {
    match *args {
        [Value::Extension(Extension::Cidr(cidr))] => Ok(cidr),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

fn address_of<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let cidr = receiver(args)?;
    ip::value(rt, cidr.address)
}

fn prefix_length<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Int(i64::from(receiver(args)?.bits)))
}

fn masked<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let cidr = receiver(args)?;
    value(rt, Cidr { address: mask(cidr.address, cidr.bits), bits: cidr.bits })
}

fn cidr_to_string<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let cidr = receiver(args)?;
    Ok(Value::String(rt.format(format_args!("{cidr}"))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::probe::assert_table;

    #[test]
    fn every_row_is_complete() {
        assert_table(&LIBRARY);
    }

    #[test]
    fn the_longest_and_the_shortest_mask_are_masks() {
        let ip = IpAddr::from([255, 255, 255, 255]);
        assert_eq!(mask(ip, 0), IpAddr::from([0, 0, 0, 0]));
        assert_eq!(mask(ip, 32), ip);
        assert_eq!(mask(IpAddr::from([u16::MAX; 8]), 0), IpAddr::from([0_u16; 8]));
    }
}
