/*
 * The peer in grpc C++, by its completion queue: peer-grpc-queue [CERTIFICATE KEY]. It does what
 * server.c does. One queue and one thread, because it is given one core; each call is an object
 * whose Step() runs whenever what it waits for is done.
 */
#include <cstdio>
#include <fstream>
#include <grpcpp/grpcpp.h>
#include <sstream>

#include "grpc/testing/test.grpc.pb.h"

using namespace grpc::testing;

struct Host {
	TestService::AsyncService service;
	std::unique_ptr<grpc::ServerCompletionQueue> queue;
};

class Call
{
    public:
	explicit Call(Host *host) : host_(host)
	{
	}
	virtual ~Call() = default;
	virtual void Step(bool ok) = 0;

    protected:
	Host *host_;
	grpc::ServerContext context_;
	enum { WAITS, READS, WRITES, ENDS } state_ = WAITS;
};

static void Fill(Payload *payload, int size)
{
	payload->mutable_body()->assign(size, '\0');
}

class Unary : public Call
{
    public:
	explicit Unary(Host *host) : Call(host), responder_(&context_)
	{
		host->service.RequestUnaryCall(&context_, &request_, &responder_, host->queue.get(),
					       host->queue.get(), this);
	}

	void Step(bool ok) override
	{
		if (!ok || state_ == ENDS) {
			delete this;
			return;
		}
		new Unary(host_);
		Fill(response_.mutable_payload(), request_.response_size());
		state_ = ENDS;
		responder_.Finish(response_, grpc::Status::OK, this);
	}

    private:
	SimpleRequest request_;
	SimpleResponse response_;
	grpc::ServerAsyncResponseWriter<SimpleResponse> responder_;
};

class Output : public Call
{
    public:
	explicit Output(Host *host) : Call(host), writer_(&context_)
	{
		host->service.RequestStreamingOutputCall(&context_, &request_, &writer_,
							 host->queue.get(), host->queue.get(),
							 this);
	}

	void Step(bool ok) override
	{
		if (!ok || state_ == ENDS) {
			delete this;
			return;
		}
		if (state_ == WAITS)
			new Output(host_);
		if (sent_ == request_.response_parameters_size()) {
			state_ = ENDS;
			writer_.Finish(grpc::Status::OK, this);
			return;
		}
		state_ = WRITES;
		Fill(response_.mutable_payload(), request_.response_parameters(sent_++).size());
		writer_.Write(response_, this);
	}

    private:
	StreamingOutputCallRequest request_;
	StreamingOutputCallResponse response_;
	grpc::ServerAsyncWriter<StreamingOutputCallResponse> writer_;
	int sent_ = 0;
};

class Input : public Call
{
    public:
	explicit Input(Host *host) : Call(host), reader_(&context_)
	{
		host->service.RequestStreamingInputCall(&context_, &reader_, host->queue.get(),
							host->queue.get(), this);
	}

	void Step(bool ok) override
	{
		if (state_ == ENDS || (!ok && state_ == WAITS)) {
			delete this;
			return;
		}
		if (state_ == WAITS)
			new Input(host_);
		else if (ok)
			response_.set_aggregated_payload_size(response_.aggregated_payload_size() +
							      request_.payload().body().size());
		state_ = ok ? READS : ENDS;
		if (ok)
			reader_.Read(&request_, this);
		else
			reader_.Finish(response_, grpc::Status::OK, this);
	}

    private:
	StreamingInputCallRequest request_;
	StreamingInputCallResponse response_;
	grpc::ServerAsyncReader<StreamingInputCallResponse, StreamingInputCallRequest> reader_;
};

class Duplex : public Call
{
    public:
	explicit Duplex(Host *host) : Call(host), stream_(&context_)
	{
		host->service.RequestFullDuplexCall(&context_, &stream_, host->queue.get(),
						    host->queue.get(), this);
	}

	void Step(bool ok) override
	{
		if (state_ == ENDS || (!ok && state_ == WAITS)) {
			delete this;
			return;
		}
		if (state_ == WAITS)
			new Duplex(host_);
		if (!ok) {
			state_ = ENDS;
			stream_.Finish(grpc::Status::OK, this);
		} else if (state_ == READS) {
			state_ = WRITES;
			Fill(response_.mutable_payload(), request_.response_parameters(0).size());
			stream_.Write(response_, this);
		} else {
			state_ = READS;
			stream_.Read(&request_, this);
		}
	}

    private:
	StreamingOutputCallRequest request_;
	StreamingOutputCallResponse response_;
	grpc::ServerAsyncReaderWriter<StreamingOutputCallResponse, StreamingOutputCallRequest>
		stream_;
};

static std::string ReadFile(const char *path)
{
	std::stringstream text;

	text << std::ifstream(path).rdbuf();
	return text.str();
}

int main(int argc, char **argv)
{
	auto credentials = grpc::InsecureServerCredentials();
	grpc::ServerBuilder builder;
	Host host;
	int port = 0;
	void *tag;
	bool ok;

	if (argc == 3) {
		grpc::SslServerCredentialsOptions options;

		options.pem_key_cert_pairs.push_back({ ReadFile(argv[2]), ReadFile(argv[1]) });
		credentials = grpc::SslServerCredentials(options);
	}
	builder.AddListeningPort("127.0.0.1:0", credentials, &port);
	builder.RegisterService(&host.service);
	host.queue = builder.AddCompletionQueue();
	auto server = builder.BuildAndStart();
	if (!server)
		return 1;
	for (int i = 0; i < 64; i++) { /* so that no call waits to be asked for */
		new Unary(&host);
		new Output(&host);
		new Input(&host);
		new Duplex(&host);
	}
	printf("127.0.0.1:%d\n", port);
	fflush(stdout);
	while (host.queue->Next(&tag, &ok))
		static_cast<Call *>(tag)->Step(ok);
	return 0;
}
