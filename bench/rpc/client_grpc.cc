/*
 * The stub of grpc C++, as client.c drives Weft's: client-grpc queue|callback ADDRESS CA|- CALLS
 * prints the CPU time of a unary call in microseconds.
 */
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <future>
#include <grpcpp/grpcpp.h>
#include <sstream>
#include <sys/resource.h>

#include "grpc/testing/test.grpc.pb.h"

using namespace grpc::testing;

static const int SIZE = 32, CONCURRENT = 32;

static double CpuSeconds()
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

struct Call {
	explicit Call()
	{
		request.set_response_size(SIZE);
		request.mutable_payload()->mutable_body()->assign(SIZE, '\0');
	}

	void Check() const
	{
		if (status.ok() && response.payload().body().size() == SIZE)
			return;
		fprintf(stderr, "client-grpc: %s\n", status.error_message().c_str());
		exit(1);
	}

	SimpleRequest request;
	SimpleResponse response;
	grpc::ClientContext context;
	grpc::Status status;
	std::unique_ptr<grpc::ClientAsyncResponseReader<SimpleResponse>> reader;
};

static void RunByQueue(TestService::Stub *stub, long calls)
{
	grpc::CompletionQueue queue;
	long begun = 0, done = 0;
	void *tag;
	bool ok;

	auto begin = [&] {
		auto *call = new Call();

		begun++;
		call->reader = stub->AsyncUnaryCall(&call->context, call->request, &queue);
		call->reader->Finish(&call->response, &call->status, call);
	};
	while (begun < CONCURRENT)
		begin();
	while (done < calls && queue.Next(&tag, &ok)) {
		auto *call = static_cast<Call *>(tag);

		call->Check();
		delete call;
		done++;
		if (begun < calls)
			begin();
	}
}

struct Callbacks {
	TestService::Stub *stub;
	long calls;
	std::atomic<long> begun{ 0 }, done{ 0 };
	std::promise<void> end;

	void Begin()
	{
		if (begun++ >= calls)
			return;
		auto *call = new Call();
		stub->async()->UnaryCall(&call->context, &call->request, &call->response,
					 [this, call](grpc::Status status) {
						 call->status = status;
						 call->Check();
						 delete call;
						 Begin();
						 if (++done == calls)
							 end.set_value();
					 });
	}
};

static void RunByCallback(TestService::Stub *stub, long calls)
{
	Callbacks callbacks{ stub, calls };

	for (int i = 0; i < CONCURRENT; i++)
		callbacks.Begin();
	callbacks.end.get_future().wait();
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	auto *run = strcmp(argv[1], "queue") ? RunByCallback : RunByQueue;
	auto credentials = grpc::InsecureChannelCredentials();
	grpc::ChannelArguments arguments;
	long calls = atol(argv[4]);

	if (strcmp(argv[3], "-")) {
		std::stringstream text;

		text << std::ifstream(argv[3]).rdbuf();
		credentials = grpc::SslCredentials({ text.str(), "", "" });
		arguments.SetSslTargetNameOverride("localhost");
	}
	auto stub = TestService::NewStub(
		grpc::CreateCustomChannel(argv[2], credentials, arguments));
	run(stub.get(), calls / 5 + CONCURRENT);
	double before = CpuSeconds();
	run(stub.get(), calls);
	printf("%.3f\n", (CpuSeconds() - before) * 1e6 / calls);
	return 0;
}
