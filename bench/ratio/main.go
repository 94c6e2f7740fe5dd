//go:build unix

// Ratio runs two commands in turn and prints what the first costs in terms of
// the second: CPU seconds, wall seconds, peak memory, each the median of the
// pairs. The second is the physical limit: what the machine needs to move the
// same bytes. A ratio within one run holds where absolute times drift.
//
//	ratio [-n RUNS] [-aim RATIO] [-wall RATIO] [-peak MIB] [-before 'COMMAND'] NAME 'COMMAND' 'LIMIT'
//
// Commands are given to sh. Each runs once before it counts. What is to be done
// before each of them, and does not count, is said with -before.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

type cost struct {
	cpu, wall float64 // seconds
	peak      float64 // MiB
}

func run(command string) cost {
	cmd := exec.Command("sh", "-c", command)
	cmd.Stderr = os.Stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		log.Fatalf("%s: %v", command, err)
	}
	wall := time.Since(start)
	u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return cost{
		cpu:  (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(),
		wall: wall.Seconds(),
		peak: float64(u.Maxrss) / 1024,
	}
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("ratio: ")
	n := flag.Int("n", 5, "counted pairs of runs")
	aim := flag.Float64("aim", 0, "the CPU ratio aimed at, for the report")
	wallAim := flag.Float64("wall", 0, "the ratio of wall time aimed at, for the report")
	peak := flag.Float64("peak", 0, "the peak memory in MiB aimed at, for the report")
	before := flag.String("before", "", "what is done before each command, and does not count")
	flag.Parse()
	if flag.NArg() != 3 {
		log.Fatal("want NAME COMMAND LIMIT")
	}
	name, a, b := flag.Arg(0), flag.Arg(1), flag.Arg(2)
	run := func(command string) cost {
		if *before != "" {
			run(*before)
		}
		return run(command)
	}
	run(a)
	run(b)
	var cpuRatio, wallRatio, cpuA, cpuB, wallA, peakA []float64
	for range *n {
		ca, cb := run(a), run(b)
		cpuRatio = append(cpuRatio, ca.cpu/cb.cpu)
		wallRatio = append(wallRatio, ca.wall/cb.wall)
		cpuA, cpuB = append(cpuA, ca.cpu), append(cpuB, cb.cpu)
		wallA, peakA = append(wallA, ca.wall), append(peakA, ca.peak)
	}
	lo, hi := slices.Min(cpuRatio), slices.Max(cpuRatio)
	fmt.Printf("%-34s CPU %6.2fx of the limit (%.2f to %.2f), wall %6.2fx; %.3f s against %.3f s CPU, %.3f s wall, peak %.1f MiB",
		name, median(cpuRatio), lo, hi, median(wallRatio), median(cpuA), median(cpuB), median(wallA), median(peakA))
	if *aim > 0 {
		fmt.Printf("; aim %.1fx", *aim)
	}
	if *wallAim > 0 {
		fmt.Printf("; aim %.1fx of the wall time", *wallAim)
	}
	if *peak > 0 {
		fmt.Printf(" and %.0f MiB", *peak)
	}
	fmt.Println()
}
