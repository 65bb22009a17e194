//! `ip`, `isIP` and what an address tells of itself.

use std::net::IpAddr;

use super::address;
use crate::error::{ErrorKind, Raise};
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation::Own, Library, TypeRow};
use crate::value::extension::Extension;
use crate::value::{GoQuoted, Value};

/// `kubernetes.net.ip`
pub static LIBRARY: Library = Library {
    name: "kubernetes.net.ip",
    version: 0,
    types: &[TypeRow::Named("net.IP")],
    rows: &[
        row(
            "string_to_ip",
            "ip(string) -> net.IP",
            Own(string_to_ip),
            "The address that a text is; zones and IPv4 addresses written as IPv6 ones are errors.",
            &["ip('127.0.0.1') == ip('127.0.0.1')", "ip('::0001') == ip('::1')"],
        ),
        row(
            "is_ip",
            "isIP(string) -> bool",
            Own(is_ip),
            "True if `ip` would read the text.",
            &["isIP('::1')", "!isIP('127.0.0.256')", "!isIP('fe80::1%eth0')"],
        ),
        row(
            "ip_is_canonical",
            "ip.isCanonical(string) -> bool",
            Own(is_canonical),
            "True if the text is an address in its shortest form; an error if it is none.",
            &["ip.isCanonical('2001:db8::abcd')", "!ip.isCanonical('2001:DB8::ABCD')"],
        ),
        row(
            "ip_family",
            "net.IP.family() -> int",
            Own(family),
            "4 or 6.",
            &["ip('127.0.0.1').family() == 4", "ip('::1').family() == 6"],
        ),
        row(
            "ip_is_unspecified",
            "net.IP.isUnspecified() -> bool",
            Own(is_unspecified),
            "True for 0.0.0.0 and ::.",
            &["ip('0.0.0.0').isUnspecified()", "!ip('::1').isUnspecified()"],
        ),
        row(
            "ip_is_loopback",
            "net.IP.isLoopback() -> bool",
            Own(is_loopback),
            "True for 127.0.0.0/8 and ::1.",
            &["ip('127.0.0.2').isLoopback()", "!ip('192.168.0.1').isLoopback()"],
        ),
        row(
            "ip_is_link_local_multicast",
            "net.IP.isLinkLocalMulticast() -> bool",
            Own(is_link_local_multicast),
            "True for 224.0.0.0/24 and ff02::/16 with any flags.",
            &["ip('224.0.0.1').isLinkLocalMulticast()", "!ip('fd00::1').isLinkLocalMulticast()"],
        ),
        row(
            "ip_is_link_local_unicast",
            "net.IP.isLinkLocalUnicast() -> bool",
            Own(is_link_local_unicast),
            "True for 169.254.0.0/16 and fe80::/10.",
            &["ip('169.254.169.254').isLinkLocalUnicast()", "!ip('fd80::1').isLinkLocalUnicast()"],
        ),
        row(
            "ip_is_global_unicast",
            "net.IP.isGlobalUnicast() -> bool",
            Own(is_global_unicast),
            "True for an address of one host that is neither local nor the broadcast address; private ones count.",
            &["ip('192.168.0.1').isGlobalUnicast()", "!ip('255.255.255.255').isGlobalUnicast()"],
        ),
        row(
            "ip_to_string",
            "string(net.IP) -> string",
            Own(ip_to_string),
            "The address in its shortest form.",
            &["string(ip('2001:DB8::0:1')) == '2001:db8::1'"],
        ),
    ],
};

/// The address in the arena.
pub(super) fn value<'a>(rt: &mut Runtime<'a>, ip: IpAddr) -> Answer<'a> {
    rt.budget.charge_bytes(size_of::<IpAddr>())?;
    Ok(Value::Extension(Extension::Ip(rt.arena.alloc(ip))))
}

/// Reads an address as `ip` does; the inner error is the text of what is wrong.
pub(super) fn read<'a>(rt: &mut Runtime<'a>, text: &str) -> Result<Result<IpAddr, &'a str>, Raise<'a>> {
    rt.charge_scan(text.len())?;
    let quoted = GoQuoted(text);
    let wrong = match address::parse(text.as_bytes()) {
        Ok(address) if address.zone => {
            rt.format(format_args!("IP address {quoted} with zone value is not allowed"))?
        }
        Ok(address) if is_mapped(&address.ip) => {
            rt.format(format_args!("IPv4-mapped IPv6 address {quoted} is not allowed"))?
        }
        Ok(address) => return Ok(Ok(address.ip)),
        Err(mistake) => rt.format(format_args!(
            "IP Address {quoted} parse error during conversion from string: {mistake}"
        ))?,
    };
    Ok(Err(wrong))
}

/// True for ::ffff:0:0/96.
pub(super) fn is_mapped(ip: &IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some())
}

fn string_to_ip<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    match read(rt, text)? {
        Ok(ip) => value(rt, ip),
        Err(wrong) => Err(ErrorKind::Message(wrong).into()),
    }
}

fn is_ip<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    rt.charge_scan(text.len())?;
    let read = address::parse(text.as_bytes());
    Ok(Value::Bool(read.is_ok_and(|address| !address.zone && !is_mapped(&address.ip))))
}

fn is_canonical<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    match read(rt, text)? {
        Ok(ip) => Ok(Value::Bool(rt.format(format_args!("{ip}"))? == text)),
        Err(wrong) => Err(ErrorKind::Message(wrong).into()),
    }
}

fn ip_to_string<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let ip = receiver(args)?;
    Ok(Value::String(rt.format(format_args!("{ip}"))?))
}

fn receiver<'a>(args: &[Value<'a>]) -> Result<&'a IpAddr, Raise<'a>> {
    match *args {
        [Value::Extension(Extension::Ip(ip))] => Ok(ip),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

fn family<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Int(if receiver(args)?.is_ipv4() { 4 } else { 6 }))
}

fn is_unspecified<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Bool(receiver(args)?.is_unspecified()))
}

fn is_loopback<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Bool(receiver(args)?.is_loopback()))
}

fn is_link_local_multicast<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Bool(match receiver(args)? {
        IpAddr::V4(ip) => matches!(ip.octets(), [224, 0, 0, _]),
        IpAddr::V6(ip) => matches!(ip.segments(), [first, ..] if first & 0xff0f == 0xff02),
    }))
}

fn is_link_local_unicast<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Bool(link_local(receiver(args)?)))
}

fn link_local(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => matches!(ip.segments(), [first, ..] if first & 0xffc0 == 0xfe80),
    }
}

fn is_global_unicast<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let ip = receiver(args)?;
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    let one_host = !ip.is_unspecified() && !ip.is_loopback() && !ip.is_multicast() && !link_local(ip);
    Ok(Value::Bool(one_host && !broadcast))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::probe::assert_table;

    #[test]
    fn every_row_is_complete() {
        assert_table(&LIBRARY);
    }
}
