/*
 * The peer in grpc C++, by its callback API: peer-grpc [CERTIFICATE KEY]. It does what server.c
 * does.
 */
#include <cstdio>
#include <fstream>
#include <grpcpp/grpcpp.h>
#include <sstream>

#include "grpc/testing/test.grpc.pb.h"

using namespace grpc::testing;

class Output : public grpc::ServerWriteReactor<StreamingOutputCallResponse>
{
    public:
	explicit Output(const StreamingOutputCallRequest *request) : request_(request)
	{
		Next();
	}

	void OnWriteDone(bool ok) override
	{
		if (ok)
			Next();
		else
			Finish(grpc::Status::CANCELLED);
	}

	void OnDone() override
	{
		delete this;
	}

    private:
	void Next()
	{
		if (sent_ == request_->response_parameters_size())
			return Finish(grpc::Status::OK);
		response_.mutable_payload()->mutable_body()->assign(
			request_->response_parameters(sent_++).size(), '\0');
		StartWrite(&response_);
	}

	const StreamingOutputCallRequest *request_;
	StreamingOutputCallResponse response_;
	int sent_ = 0;
};

class Input : public grpc::ServerReadReactor<StreamingInputCallRequest>
{
    public:
	explicit Input(StreamingInputCallResponse *response) : response_(response)
	{
		StartRead(&request_);
	}

	void OnReadDone(bool ok) override
	{
		if (!ok) {
			response_->set_aggregated_payload_size(sum_);
			return Finish(grpc::Status::OK);
		}
		sum_ += request_.payload().body().size();
		StartRead(&request_);
	}

	void OnDone() override
	{
		delete this;
	}

    private:
	StreamingInputCallResponse *response_;
	StreamingInputCallRequest request_;
	int sum_ = 0;
};

class Duplex : public grpc::ServerBidiReactor<StreamingOutputCallRequest, StreamingOutputCallResponse>
{
    public:
	Duplex()
	{
		StartRead(&request_);
	}

	void OnReadDone(bool ok) override
	{
		if (!ok)
			return Finish(grpc::Status::OK);
		response_.mutable_payload()->mutable_body()->assign(
			request_.response_parameters(0).size(), '\0');
		StartWrite(&response_);
	}

	void OnWriteDone(bool ok) override
	{
		if (ok)
			StartRead(&request_);
		else
			Finish(grpc::Status::CANCELLED);
	}

	void OnDone() override
	{
		delete this;
	}

    private:
	StreamingOutputCallRequest request_;
	StreamingOutputCallResponse response_;
};

class Service : public TestService::CallbackService
{
	grpc::ServerUnaryReactor *UnaryCall(grpc::CallbackServerContext *context,
					    const SimpleRequest *request,
					    SimpleResponse *response) override
	{
		auto *reactor = context->DefaultReactor();

		response->mutable_payload()->mutable_body()->assign(request->response_size(), '\0');
		reactor->Finish(grpc::Status::OK);
		return reactor;
	}

	grpc::ServerWriteReactor<StreamingOutputCallResponse> *
	StreamingOutputCall(grpc::CallbackServerContext *,
			    const StreamingOutputCallRequest *request) override
	{
		return new Output(request);
	}

	grpc::ServerReadReactor<StreamingInputCallRequest> *
	StreamingInputCall(grpc::CallbackServerContext *, StreamingInputCallResponse *response) override
	{
		return new Input(response);
	}

	grpc::ServerBidiReactor<StreamingOutputCallRequest, StreamingOutputCallResponse> *
	FullDuplexCall(grpc::CallbackServerContext *) override
	{
		return new Duplex();
	}
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
	Service service;
	int port = 0;

	if (argc == 3) {
		grpc::SslServerCredentialsOptions options;

		options.pem_key_cert_pairs.push_back({ ReadFile(argv[2]), ReadFile(argv[1]) });
		credentials = grpc::SslServerCredentials(options);
	}
	builder.AddListeningPort("127.0.0.1:0", credentials, &port);
	builder.RegisterService(&service);
	auto server = builder.BuildAndStart();
	if (!server)
		return 1;
	printf("127.0.0.1:%d\n", port);
	fflush(stdout);
	server->Wait();
	return 0;
}
