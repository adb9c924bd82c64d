// Package harness calls a handler many times in its own process and says what that cost; without BENCH_EVENT it is the
// function that it is on Lambda. The variables are those of the Rust harness beside it.
package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"log"
	"os"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// Main runs a handler of the kind that lambda.Start takes.
func Main(handler any) {
	events := os.Getenv("BENCH_EVENT")
	if events == "" {
		lambda.Start(handler)
		return
	}
	invoke := lambda.NewHandler(handler)
	var payloads [][]byte
	for _, file := range strings.Split(events, ":") {
		payload, err := os.ReadFile(file)
		check(err)
		payloads = append(payloads, payload)
	}
	answers := fnv.New64a()
	call := func(index int) {
		answer, err := invoke.Invoke(context.Background(), payloads[index%len(payloads)])
		check(err)
		answers.Write(answer)
	}
	for index := range number("BENCH_WARM_UP") {
		call(index)
	}
	if profile := os.Getenv("BENCH_PROFILE"); profile != "" {
		file, err := os.Create(profile)
		check(err)
		check(pprof.StartCPUProfile(file))
		defer pprof.StopCPUProfile()
	}
	calls := number("BENCH_CALLS")
	answers.Reset()
	cpu, wall := usage(), time.Now()
	for index := range calls {
		call(index)
	}
	after, elapsed := usage(), time.Since(wall)
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"cpu_ns":  (nanoseconds(after) - nanoseconds(cpu)) / int64(calls),
		"wall_ns": elapsed.Nanoseconds() / int64(calls),
		"peak_kb": after.Maxrss,
		"answers": fmt.Sprintf("%016x", answers.Sum64()),
	}))
}

// usage counts all threads, the garbage collector's too.
func usage() syscall.Rusage {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return usage
}

func nanoseconds(usage syscall.Rusage) int64 {
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func number(name string) int {
	value, err := strconv.Atoi(os.Getenv(name))
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
