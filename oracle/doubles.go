package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"math/rand"
	"strconv"
)

// doubles writes doubles, as bits, and Go's shortest texts of each, with an exponent and, unless it is long, without: those where two shortest texts are equally near,
// their neighbours, powers of two, and any.
func doubles(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "# Written by `oracle doubles`: the bits of a double, and Go's shortest texts of it, as %%g and %%f.\n")
	random := rand.New(rand.NewSource(9))
	write := func(bits uint64) {
		if d := math.Float64frombits(bits); !math.IsNaN(d) && !math.IsInf(d, 0) {
			plain := strconv.FormatFloat(d, 'f', -1, 64)
			if len(plain) > 40 {
				plain = ""
			}
			fmt.Fprintf(out, "%016x\t%s\t%s\n", bits, strconv.FormatFloat(d, 'g', -1, 64), plain)
		}
	}
	write(math.Float64bits(1e15 + 0.3))
	for ties := 0; ties < 2_000; {
		bits := uint64(1023+30+random.Intn(40))<<52 | random.Uint64()&(1<<52-1)
		if isTie(math.Float64frombits(bits)) {
			write(bits)
			write(bits + 1)
			ties++
		}
	}
	for exponent := uint64(0); exponent < 2047; exponent++ {
		write(exponent << 52)
	}
	for range 1_000 {
		write(random.Uint64())
	}
	return out.Flush()
}

// isTie tells whether the digit after the shortest ones is a 5 and the last.
func isTie(d float64) bool {
	shortest := len(strconv.FormatFloat(d, 'e', -1, 64))
	exact := strconv.FormatFloat(d, 'e', 60, 64)
	digits := shortest - len("e+00")
	if digits >= len(exact) || exact[digits] != '5' {
		return false
	}
	for _, digit := range exact[digits+1 : len(exact)-len("e+00")] {
		if digit != '0' {
			return false
		}
	}
	return true
}
