// The other process of the service's tests: a client that does what it is told, one line at a time.
#include <signal.h>
#include <unistd.h>

#include <sstream>

#include "raw_client.hpp"
#include "support/channel.hpp"

namespace fastio::test {
namespace {

class Helper {
public:
    explicit Helper(Channel channel) : channel_(std::move(channel)) {}

    void serve() {
        for (;;) {
            std::istringstream line(channel_.hear().text);
            std::string verb;
            line >> verb;
            try {
                channel_.say(perform(verb, line));
            } catch (const std::runtime_error& error) {
                channel_.say(std::string("failed: ") + error.what());
            }
        }
    }

private:
    std::string perform(const std::string& verb, std::istringstream& line) {
        std::string word;
        if (verb == "join") {  // SOCKET JOB
            std::string job;
            line >> word >> job;
            client_ = RawClient::member(word, job);
            return std::to_string(client_->session);
        }
        if (verb == "visit") {  // SOCKET
            line >> word;
            client_ = RawClient::visitor(word);
            return "ok";
        }
        if (verb == "sessions") {
            return std::to_string(client_->totals().sessions);
        }
        if (verb == "end") {  // JOB
            line >> word;
            wire::EndContext message{};
            message.job = text(word);
            client_->send(message);
            client_->request_socket.receive(client_->packet);
            return client_->packet.as<wire::Ok>() ? "ok" : "refused";
        }
        if (verb == "create") {  // BYTES -> SLOT GENERATION
            std::uint64_t bytes = 0;
            line >> bytes;
            last_ = client_->create(bytes);
            return std::to_string(last_.slot) + " " + std::to_string(last_.generation);
        }
        if (verb == "publish") {  // NAME BYTES: what was created last, with an own lease
            std::int64_t bytes = 0;
            line >> word >> bytes;
            return std::to_string(client_->publish(last_, word, bytes));
        }
        if (verb == "publish_and_die") {  // NAME BYTES: as publish, but killed before it could read the reply
            std::int64_t bytes = 0;
            line >> word >> bytes;
            client_->send(client_->publish_message(last_, word, bytes));
            ::raise(SIGKILL);
        }
        if (verb == "lease") {  // SLOT GENERATION
            wire::CreateReply allocation{};
            line >> allocation.slot >> allocation.generation;
            client_->lease(allocation);
            return "ok";
        }
        if (verb == "grant") {  // -> the first fence word of its own
            first_word_ = client_->ask<wire::FencesReply>(wire::GrantFences{}).first_word;
            return std::to_string(first_word_);
        }
        if (verb == "publish_behind") {  // NAME: a new allocation, complete when its first fence word is 1
            line >> word;
            last_ = client_->create(1000);
            wire::Publish message = client_->publish_message(last_, word, 1000);
            message.lease = client_->lease(last_);
            message.fence_word = first_word_;
            message.fence_value = 1;
            return std::to_string(client_->ask<wire::PublishReply>(message).version);
        }
        if (verb == "user") {  // UID: from here on
            uid_t uid = 0;
            line >> uid;
            return ::setresuid(uid, uid, uid) == 0 ? "ok" : "failed";
        }
        if (verb == "hang_up") {
            client_->request_socket.reset();
            client_->event_socket.reset();
            return "ok";
        }
        if (verb == "misbehave") {
            wire::Ok message{};
            client_->send(message);
            return "ok";
        }
        if (verb == "fork") {  // keep_socket|close_socket: a child that lives until descriptor 4 ends
            line >> word;
            const pid_t child = ::fork();
            if (child == 0) {
                channel_.reset();
                if (word == "close_socket") {
                    client_->request_socket.reset();
                    client_->event_socket.reset();
                }
                char byte = 0;
                while (::read(4, &byte, 1) > 0) {
                }
                ::_exit(0);
            }
            return std::to_string(child);
        }
        return "unknown";
    }

    Channel channel_;
    std::unique_ptr<RawClient> client_;
    wire::CreateReply last_{};
    std::uint32_t first_word_ = 0;
};

}  // namespace
}  // namespace fastio::test

int main() {
    try {
        fastio::test::Helper(fastio::test::Channel(fastio::wire::Socket(fastio::Descriptor(3)))).serve();
    } catch (const std::exception&) {
        return 0;  // the test is done with us
    }
}
