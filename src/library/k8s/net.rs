//! Kubernetes' addresses and networks (k8s.io/apiserver `pkg/cel/library/ip.go` and `cidr.go`) over Go's `net/netip`.

pub mod address;
pub mod cidr;
pub mod ip;
