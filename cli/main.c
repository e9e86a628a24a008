/* weft, the command line: a table of commands, and nothing but finding the right one. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "command.h"

static const struct command {
	const char *name;
	const char *argument; /* how --help writes it */
	bool needed;
	unsigned groups;
	int (*run)(const struct options *options);
	const char *summary;
	const char *detail;
} commands[] = {
	{ "list", "[SERVICE]", false, OPTIONS_SCHEMA | OPTIONS_PEER, command_list,
	  "the services of the contracts, or a service's methods",
	  "With -t it asks the server, by reflection; $WEFT_TARGET alone does not make it.\n" },
	{ "describe", "NAME", true, OPTIONS_SCHEMA | OPTIONS_PEER, command_describe,
	  "a message, enum, service or SERVICE/METHOD as its contract has it",
	  "With -t it asks the server, by reflection, what the contracts do not have.\n" },
	{ "call", "SERVICE/METHOD", true, OPTIONS_SCHEMA | OPTIONS_PEER | OPTIONS_DATA,
	  command_call, "call a method; JSON in, JSON out",
	  "A method that streams takes and gives one JSON value after the other.\n"
	  "The exit code is 64 plus the gRPC code when the call fails.\n"
	  "A method that the contracts do not have is looked for at the server, by reflection.\n\n"
	  "  weft call -t https://127.0.0.1:8443 catalog.v1.Catalog/GetProduct \\\n"
	  "    -d '{\"name\": \"products/85123A\"}'\n" },
	{ "health", "[SERVICE]", false, OPTIONS_PEER, command_health,
	  "ask a server, or one service of it, whether it serves", NULL },
	{ "resolve", "NAME", true, OPTIONS_PEER | OPTIONS_WATCH, command_resolve,
	  "the endpoints of a name, as a channel sees them",
	  "NAME is a target, or a name in the registry. It connects to each endpoint and asks for\n"
	  "its health; the exit code is 0 when one is ready.\n" },
};

int complain(int code, const char *format, ...)
{
	va_list args;

	fputs("weft: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return code;
}

static int help(void)
{
	puts("usage: weft COMMAND …\n");
	for (size_t i = 0; i < WEFT_COUNT(commands); i++)
		printf("  %-9s %-15s %s\n", commands[i].name, commands[i].argument,
		       commands[i].summary);
	puts("\nweft COMMAND --help says more.");
	return 0;
}

static int help_command(const struct command *command)
{
	printf("usage: weft %s %s [FLAGS]\n\n%s\n\n", command->name, command->argument,
	       command->summary);
	if (command->detail)
		printf("%s\n", command->detail);
	options_print(command->groups);
	return 0;
}

static int run(const struct command *command, int argc, char **argv)
{
	struct options options;
	char error[256];

	if (options_parse(argc, argv, command->groups, &options, error) < 0)
		return complain(EXIT_USAGE, "%s: %s", command->name, error);
	if (options.help)
		return help_command(command);
	if (command->needed && !options.positionals[0])
		return complain(EXIT_USAGE, "%s needs %s: see weft %s --help", command->name,
				command->argument, command->name);
	return command->run(&options);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return complain(EXIT_USAGE, "which command? See weft --help");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return help();
	if (strcmp(argv[1], "--version") == 0)
		return puts("weft " WEFT_VERSION) < 0;
	for (size_t i = 0; i < WEFT_COUNT(commands); i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return run(&commands[i], argc - 2, argv + 2);
	return complain(EXIT_USAGE, "no command \"%s\": see weft --help", argv[1]);
}
