// The peer in grpc-go: peer-go [CERTIFICATE KEY]. It does what server.c does.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	pb "google.golang.org/grpc/interop/grpc_testing"
)

type service struct {
	pb.UnimplementedTestServiceServer
}

var zeros [1 << 20]byte

func (service) UnaryCall(_ context.Context, in *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	return &pb.SimpleResponse{Payload: &pb.Payload{Body: zeros[:in.ResponseSize]}}, nil
}

func (service) StreamingOutputCall(in *pb.StreamingOutputCallRequest,
	stream pb.TestService_StreamingOutputCallServer) error {
	for _, parameters := range in.ResponseParameters {
		out := &pb.StreamingOutputCallResponse{
			Payload: &pb.Payload{Body: zeros[:parameters.Size]},
		}
		if err := stream.Send(out); err != nil {
			return err
		}
	}
	return nil
}

func (service) StreamingInputCall(stream pb.TestService_StreamingInputCallServer) error {
	var sum int32
	for {
		in, err := stream.Recv()
		if err == io.EOF {
			return stream.SendAndClose(&pb.StreamingInputCallResponse{AggregatedPayloadSize: sum})
		}
		if err != nil {
			return err
		}
		sum += int32(len(in.Payload.Body))
	}
}

func (service) FullDuplexCall(stream pb.TestService_FullDuplexCallServer) error {
	for {
		in, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		out := &pb.StreamingOutputCallResponse{
			Payload: &pb.Payload{Body: zeros[:in.ResponseParameters[0].Size]},
		}
		if err := stream.Send(out); err != nil {
			return err
		}
	}
}

func main() {
	var options []grpc.ServerOption
	if len(os.Args) == 3 {
		tls, err := credentials.NewServerTLSFromFile(os.Args[1], os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		options = append(options, grpc.Creds(tls))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(options...)
	pb.RegisterTestServiceServer(server, service{})
	fmt.Println(listener.Addr())
	log.Fatal(server.Serve(listener))
}
