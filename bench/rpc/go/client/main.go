// The stub of grpc-go, as client.c drives Weft's: client-go ADDRESS CA|- CALLS prints the CPU time
// of a unary call in microseconds.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
)

const (
	size       = 32
	concurrent = 32
)

func cpuMicroseconds() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return (usage.Utime.Sec+usage.Stime.Sec)*1e6 + usage.Utime.Usec + usage.Stime.Usec
}

func run(stub pb.TestServiceClient, calls int64) {
	var begun atomic.Int64
	var group sync.WaitGroup
	in := &pb.SimpleRequest{ResponseSize: size, Payload: &pb.Payload{Body: make([]byte, size)}}
	for i := 0; i < concurrent; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for begun.Add(1) <= calls {
				out, err := stub.UnaryCall(context.Background(), in)
				if err != nil || len(out.Payload.Body) != size {
					log.Fatal("wrong answer: ", err)
				}
			}
		}()
	}
	group.Wait()
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("client-go ADDRESS CA|- CALLS")
	}
	secure := insecure.NewCredentials()
	if os.Args[2] != "-" {
		var err error
		if secure, err = credentials.NewClientTLSFromFile(os.Args[2], "localhost"); err != nil {
			log.Fatal(err)
		}
	}
	calls, err := strconv.ParseInt(os.Args[3], 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	channel, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(secure))
	if err != nil {
		log.Fatal(err)
	}
	stub := pb.NewTestServiceClient(channel)
	run(stub, calls/5+concurrent)
	before := cpuMicroseconds()
	run(stub, calls)
	fmt.Printf("%.3f\n", float64(cpuMicroseconds()-before)/float64(calls))
}
