# What PostgREST does with a request, as far as usage_api needs it: the token, the
# transaction with the settings in it, the call, and the answers that are PostgREST's own.
#
# The tests use it twice. The way "sql" of test/rest/ asks it directly, and
# test/rest/stand-in puts it behind a socket, in the place of PostgREST. Of PostgREST's
# language for tables it knows what the page needs: order and limit.

package StandIn;

use strict;
use warnings;
use DBD::Pg qw(:pg_types);
use DBI;
use Digest::SHA qw(hmac_sha256);
use JSON::PP ();
use MIME::Base64 qw(encode_base64url decode_base64url);

my $json = JSON::PP->new->utf8->canonical;

# The options of PostgREST's file.
sub new
{
	my ($class, $file) = @_;
	my $self = bless { option => {} }, $class;

	open my $lines, '<', $file or die "$file: $!\n";
	while (<$lines>)
	{
		my ($name, $value) = /^\s*([a-z-]+)\s*=\s*(".*?"|[^#\s]+)/ or next;

		$self->{option}{$name} = $value =~ s/^"(.*)"$/$1/r;
	}
	close $lines;
	$self->{option}{'jwt-secret'} =~ s/^\@(.*)/_first_line($1)/e if defined $self->option('jwt-secret');
	# it bounds the one row that a function gives, too
	die "db-max-rows = 0 means no rows\n" if ($self->option('db-max-rows') // '') eq '0';
	return $self;
}

sub _first_line
{
	my ($file) = @_;

	open my $lines, '<', $file or die "$file: $!\n";
	return <$lines> =~ s/\n//r;
}

sub option { my ($self, $name) = @_; return $self->{option}{$name} }

# A token of HS256, as whoever hands them out makes it.
sub token
{
	my ($secret, $claims, $algorithm) = @_;
	my $signed = encode_base64url($json->encode({ alg => $algorithm // 'HS256', typ => 'JWT' })) . '.' . encode_base64url($json->encode($claims));

	return "$signed." . encode_base64url(hmac_sha256($signed, $secret));
}

# Answers { method, path, query, headers, body }, names of headers in lower case, with
# { status, headers, body }.
sub answer
{
	my ($self, $request) = @_;
	my ($claims, $fault) = $self->_claims($request->{headers}{authorization});

	return $fault if $fault;
	return $self->_call($request, $claims, $1) if $request->{path} =~ m{^/rpc/([^/]+)$};
	return $self->_table($request, $claims, $1) if $request->{path} =~ m{^/([^/]+)$};
	return own_answer(404, 'PGRST125', 'Invalid path specified in request URL');
}

# An answer of PostgREST's own, which is recognised by its Proxy-Status.
sub own_answer
{
	my ($status, $code, $message, %more) = @_;

	return { status => $status,
		headers => [ [ 'Content-Type', 'application/json; charset=utf-8' ], [ 'Proxy-Status', "PostgREST; error=$code" ], @{ $more{headers} // [] },
			$status == 503 ? [ 'Retry-After', 0 ] : () ],
		body => $json->encode({ code => $code, message => $message, details => $more{details}, hint => $more{hint} }) };
}

# ---- the token ----

sub _claims
{
	my ($self, $authorization) = @_;
	my $anonymous = { role => $self->option('db-anon-role') };

	return $anonymous if !defined $authorization || $authorization !~ /^bearer(?: +(.*))?$/is;
	my ($claims, $code, $message) = $self->verified($1 // '');
	return { %$anonymous, %$claims } if $claims;
	return (undef, own_answer(401, $code, $message,
			headers => [ [ 'WWW-Authenticate', qq(Bearer error="invalid_token", error_description="$message") ] ]));
}

# Its claims, or the code and message of what is wrong with it.
sub verified
{
	my ($self, $token) = @_;
	my @parts = split /\./, $token, -1;

	return (undef, 'PGRST301', 'Empty JWT is sent in Authorization header') if $token eq '';
	return (undef, 'PGRST301', 'Expected 3 parts in JWT; got ' . @parts) if @parts != 3;
	my $head = eval { $json->decode(decode_base64url($parts[0])) };
	return (undef, 'PGRST301', 'Wrong or unsupported encoding algorithm') if ref $head ne 'HASH' || ($head->{alg} // '') ne 'HS256';
	return (undef, 'PGRST301', 'No suitable key or wrong key type')
		if encode_base64url(hmac_sha256("$parts[0].$parts[1]", $self->option('jwt-secret'))) ne $parts[2];
	my $claims = eval { $json->decode(decode_base64url($parts[1])) };
	return (undef, 'PGRST303', 'Parsing claims failed') if ref $claims ne 'HASH';
	return (undef, 'PGRST303', 'JWT expired') if defined $claims->{exp} && $claims->{exp} < time - 30;
	return (undef, 'PGRST303', 'JWT not yet valid') if defined $claims->{nbf} && $claims->{nbf} > time + 30;
	return (undef, 'PGRST303', 'JWT issued at future') if defined $claims->{iat} && $claims->{iat} > time + 30;
	return $claims;
}

# ---- the transaction ----

# A connection is kept, and made anew where it broke.
sub _connection
{
	my ($self) = @_;

	return $self->{connection} if $self->{connection};
	# of the two forms that libpq knows that of words
	my $connection = DBI->connect('dbi:Pg:' . $self->option('db-uri') =~ s/ +/;/gr, undef, undef,
		{ RaiseError => 1, PrintError => 0, AutoCommit => 1, pg_enable_utf8 => 0, AutoInactiveDestroy => 1 });
	$connection->do("SET application_name = 'stand-in for PostgREST'");
	# PostgREST asks for these where it asks for its own
	$self->{role_settings} = ($self->option('db-config') // '') eq 'false' ? [] : $connection->selectall_arrayref(<<'SQL');
SELECT r.rolname, s.name, substr(line, strpos(line, '=') + 1)
FROM pg_auth_members m JOIN pg_roles r ON r.oid = roleid
CROSS JOIN unnest(r.rolconfig) line JOIN pg_settings s ON s.name = split_part(line, '=', 1) AND s.context = 'user'
WHERE member = quote_ident(current_user)::regrole AND s.name <> 'default_transaction_isolation'
SQL
	return $self->{connection} = $connection;
}

# Runs a call between the settings and COMMIT, and tells its answer, or the server's error.
sub _transaction
{
	my ($self, $request, $claims, $call) = @_;
	my $connection = eval { $self->_connection } or return own_answer(503, 'PGRST000', 'Database connection error.', details => "$@");
	my $reads = $request->{method} =~ /^(?:GET|HEAD)$/ ? 'READ ONLY' : 'READ WRITE';
	my %headers = %{ $request->{headers} };
	my %cookies = map { /^\s*([^=]+)=(.*)$/ ? ($1 => $2) : () } split /;/, delete $headers{cookie} // '';
	my @settings = ([ 'search_path', join ', ', map { "\"$_\"" } grep { $_ ne '' } $self->option('db-schemas'), $self->option('db-extra-search-path') // 'public' ],
		(map { [ @$_[1, 2] ] } grep { $_->[0] eq $claims->{role} } @{ $self->{role_settings} }),
		[ 'role', $claims->{role} ], [ 'request.jwt.claims', $json->encode($claims) ],
		[ 'request.method', $request->{method} ], [ 'request.path', $request->{path} ],
		[ 'request.headers', $json->encode(\%headers) ], [ 'request.cookies', $json->encode(\%cookies) ]);
	my $answer = eval {
		$connection->do("BEGIN ISOLATION LEVEL READ COMMITTED $reads");
		$connection->selectrow_array($connection->prepare_cached('SELECT ' . join ', ', ('set_config(?, ?, true)') x @settings), undef, map { @$_ } @settings);
		my $made = $call->($connection);
		$connection->do('COMMIT');
		$made;
	};

	return $answer if $answer;
	return $self->_server_error($connection, $claims);
}

sub _server_error
{
	my ($self, $connection, $claims) = @_;
	my ($code, $fault) = ($connection->state || 'PGRST001', $connection->errstr // $@);
	my ($message) = $fault =~ /^(?:ERROR|FATAL):\s+(.*)/;

	# without a server there is nothing left to end
	if (!eval { $connection->do('ROLLBACK'); 1 })
	{
		delete $self->{connection};
		$code = '57P01';
	}
	return own_answer(status_of($code, $message // '', $claims->{role} ne $self->option('db-anon-role')), $code, $message // $fault);
}

# The status that PostgREST gives an SQLSTATE.
sub status_of
{
	my ($code, $message, $token) = @_;

	return $token ? 403 : 401 if $code eq '42501';
	return $1 if $code =~ /^PT([1-9]\d\d)$/;
	return 401 if $code eq '22023' && $message =~ /^role .* does not exist/;
	return 405 if $code eq '25006';
	return 409 if $code =~ /^2350[35]$/;
	return 404 if $code =~ /^(?:42883|42P01)$/;
	return 403 if $code =~ /^(?:0L|0P|28)/;
	return 503 if $code =~ /^(?:08|53(?!400)|57P01|PGRST)/;
	return 500 if $code =~ /^(?:09|2[15D]|3[89B]|40|42P17|53400|5[4578]|F0|HV|P0(?!001)|XX)/;
	return 400;
}

# ---- the calls ----

# read() by GET, write(bytea) with a body of bytes by POST.
sub _call
{
	my ($self, $request, $claims, $name) = @_;
	my ($method, $schema) = ($request->{method}, $self->option('db-schemas'));
	my $argument = $method eq 'POST' ? '?' : '';

	return own_answer(405, 'PGRST101', "Cannot use the $method method on RPC") if $method !~ /^(?:GET|HEAD|POST)$/;
	return own_answer(404, 'PGRST202', "Could not find the function $schema.$name without parameters in the schema cache")
		if $name ne ($argument ? 'write' : 'read') || length($request->{query} // '')
		|| $argument && ($request->{headers}{'content-type'} // '') ne 'application/octet-stream';
	return $self->_transaction($request, $claims, sub {
			my ($connection) = @_;
			my $statement = $connection->prepare_cached(<<"SQL");
SELECT body, nullif(current_setting('response.headers', true), ''), nullif(current_setting('response.status', true), '')
FROM (SELECT "$schema"."$name"($argument) AS body OFFSET 0) call
SQL

			$statement->bind_param(1, $request->{body} // '', { pg_type => PG_BYTEA }) if $argument;
			$statement->execute;
			my ($body, $headers, $status) = $statement->fetchrow_array;
			$statement->finish;
			return _made($body, $headers, $status);
		});
}

# What the settings say of the answer; PostgREST tells each name once.
sub _made
{
	my ($body, $headers, $status) = @_;
	my $said = defined $headers ? eval { $json->decode($headers) } : [];
	# what PostgREST says where the function does not
	my %headers = ('Content-Range' => '0-0/*', Vary => 'Accept, Prefer, Range', 'Content-Type' => 'application/octet-stream');
	my @headers;

	return own_answer(500, 'PGRST111', 'response.headers guc must be a JSON array composed of objects with a single key and a string value')
		if ref $said ne 'ARRAY' || grep { ref $_ ne 'HASH' || keys %$_ != 1 } @$said;
	return own_answer(500, 'PGRST112', 'response.status guc must be a valid status code') if defined $status && $status !~ /^[1-9]\d\d$/;
	foreach my $header (@$said)
	{
		my ($name, $value) = %$header;

		utf8::encode($_) foreach $name, $value;
		push @headers, [ $name, $value ];
		delete @headers{ grep { lc $_ eq lc $name } keys %headers };
	}
	push @headers, map { [ $_, $headers{$_} ] } sort keys %headers;
	push @headers, [ 'Retry-After', 0 ] if ($status // 200) == 503;
	return { status => $status // 200, headers => \@headers, body => $body // '' };
}

# The rows of a view, so many, in the order of one column.
sub _table
{
	my ($self, $request, $claims, $name) = @_;
	my $schema = $self->option('db-schemas');
	my ($order, $limit) = ('', '');

	return own_answer(405, 'PGRST117', "Unsupported HTTP method: $request->{method}") if $request->{method} !~ /^(?:GET|HEAD)$/;
	foreach my $parameter (split /&/, $request->{query} // '')
	{
		if ($parameter =~ /^order=([A-Za-z_]+)(?:\.(asc|desc))?$/) { $order = qq( ORDER BY "$1") . ($2 ? " $2" : '') }
		elsif ($parameter =~ /^limit=(\d{1,9})$/) { $limit = " LIMIT $1" }
		else { return own_answer(400, 'PGRST100', "\"failed to parse filter ($parameter)\"") }
	}
	return $self->_transaction($request, $claims, sub {
			my ($connection) = @_;
			my ($known) = $connection->selectrow_array(q(SELECT EXISTS (SELECT FROM pg_class WHERE relkind = 'v' AND relname = ? AND relnamespace = to_regnamespace(?))), undef, $name, $schema);

			return own_answer(404, 'PGRST205', "Could not find the table '$schema.$name' in the schema cache") if !$known;
			my ($count, $rows) = $connection->selectrow_array(qq(SELECT count(*), coalesce(json_agg(t), '[]') FROM (SELECT * FROM "$schema"."$name"$order$limit) t));
			return { status => 200, body => $rows,
				headers => [ [ 'Content-Type', 'application/json; charset=utf-8' ], [ 'Content-Range', ($count ? '0-' . ($count - 1) : '*') . '/*' ] ] };
		});
}

1;
